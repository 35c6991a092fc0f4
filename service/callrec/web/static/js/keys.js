// Function keys: rows change their places by drag or by the buttons, without a way to the server; the numbers, and the names of
// the buttons, which have them, stay where they are.

const form = document.getElementById("keys");
const body = form?.querySelector("tbody");
const rows = () => [...body.querySelectorAll("tr")];
const BUTTONS = ["up", "down", "remove"];
const button = (row, word) => row.querySelector(`[value^='${word}.']`);
const places = () => rows().map((row) => ({
  number: row.querySelector("[name^='number.']").value,
  labels: BUTTONS.map((word) => button(row, word).getAttribute("aria-label")),
}));

function renumber(before) {
  rows().forEach((row, at) => {
    for (const one of row.querySelectorAll("[name]")) {
      if (one.name === "do") one.value = one.value.replace(/\d+$/, at);
      else one.name = one.name.replace(/\d+$/, at);
    }
    row.querySelector("[name^='number.']").value = before[at].number;
    BUTTONS.forEach((word, nth) => button(row, word).setAttribute("aria-label", before[at].labels[nth]));
    button(row, "up").disabled = at === 0;
    button(row, "down").disabled = at === rows().length - 1;
  });
}

function moveTo(row, other, isAfter) {
  const before = places();
  if (isAfter) other.after(row);
  else other.before(row);
  renumber(before);
}

function pressed(event) {
  const clicked = event.target.closest("button[name=do]");
  const word = clicked?.value.split(".")[0];
  const row = clicked?.closest("tr");
  if (!row || !["up", "down"].includes(word)) return;
  const other = word === "up" ? row.previousElementSibling : row.nextElementSibling;
  event.preventDefault();
  if (other) moveTo(row, other, word === "down");
  (clicked.disabled ? row.querySelector("[name^='number.']") : clicked).focus();
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
