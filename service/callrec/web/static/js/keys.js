// Function keys: rows change their places by drag or by the buttons, without a way to the server; the numbers stay where they are.

const form = document.getElementById("keys");
const body = form?.querySelector("tbody");
const rows = () => [...body.querySelectorAll("tr")];
const numbers = () => rows().map((row) => row.querySelector("[name^='number.']").value);

function renumber(before) {
  rows().forEach((row, at) => {
    for (const one of row.querySelectorAll("[name]")) {
      if (one.name === "do") one.value = one.value.replace(/\d+$/, at);
      else one.name = one.name.replace(/\d+$/, at);
    }
    row.querySelector("[name^='number.']").value = before[at];
    row.querySelector("[value^='up.']").disabled = at === 0;
    row.querySelector("[value^='down.']").disabled = at === rows().length - 1;
  });
}

function moveTo(row, other, isAfter) {
  const before = numbers();
  if (isAfter) other.after(row);
  else other.before(row);
  renumber(before);
}

function pressed(event) {
  const button = event.target.closest("button[name=do]");
  const word = button?.value.split(".")[0];
  const row = button?.closest("tr");
  if (!row || !["up", "down"].includes(word)) return;
  const other = word === "up" ? row.previousElementSibling : row.nextElementSibling;
  event.preventDefault();
  if (other) moveTo(row, other, word === "down");
  (button.disabled ? row.querySelector("[name^='number.']") : button).focus();
}

function dragged(event) {
  const grip = event.target.closest(".grip");
  const row = grip?.closest("tr");
  if (!row) return;
  event.preventDefault();
  row.classList.add("dragged");
  grip.setPointerCapture(event.pointerId);
  const over = (move) => {
    const other = document.elementFromPoint(move.clientX, move.clientY)?.closest("#keys tbody tr");
    if (!other || other === row) return;
    const box = other.getBoundingClientRect();
    const isBelow = rows().indexOf(other) > rows().indexOf(row);
    if (isBelow ? move.clientY > box.top + box.height / 2 : move.clientY < box.bottom - box.height / 2) moveTo(row, other, isBelow);
  };
  const end = () => {
    row.classList.remove("dragged");
    grip.removeEventListener("pointermove", over);
  };
  grip.addEventListener("pointermove", over);
  grip.addEventListener("pointerup", end, { once: true });
  grip.addEventListener("pointercancel", end, { once: true });
}

function sayDestination(event) {
  if (!event.target.matches("select[name^='type.']")) return;
  const says = event.target.selectedOptions[0]?.dataset.destination ?? "";
  event.target.closest("tr").querySelector("[name^='destination.']").placeholder = says;
}

if (body) {
  form.addEventListener("click", pressed);
  body.addEventListener("pointerdown", dragged);
  body.addEventListener("change", sayDestination);
}
