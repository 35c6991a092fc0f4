// The page Live: keeps its rows as the server's stream says. A row changes cell by cell, so that nothing else moves and what has the
// focus keeps it. Calls that ended stay where they are as long as they can be seen: nothing jumps under the pointer.

const table = document.getElementById("live");
const body = table.tBodies[0];
const byId = (name) => document.getElementById(name);
const [link, news, count, clear, none] = ["link", "news", "count", "clear", "none"].map(byId);
const NEWS_MS = 5000;
const AGAIN_MS = 10000;
const SILENT_MS = 25000;
const MOST_SAID = 3;
const changed = new Map();
let isFilled = false;
let heardAt = 0;

const plural = new Intl.PluralRules(document.documentElement.lang);
const filled = (place, n) => (plural.select(n) === "one" ? place.dataset.one : place.dataset.many).replace("{n}", n);
const rowOf = (id) => byId(`call-${id}`);

function show(kind, word) {
  const text = link.dataset[word];
  if (link.textContent !== text) link.textContent = text;
  link.className = `badge ${kind}`;
}

function drawn(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content.firstElementChild;
}

function patch(row, fresh) {
  for (const cell of fresh.querySelectorAll("[data-cell]")) {
    const old = row.querySelector(`[data-cell="${cell.dataset.cell}"]`);
    if (old.innerHTML === cell.innerHTML) continue;
    const hadFocus = old.contains(document.activeElement);
    old.innerHTML = cell.innerHTML;
    if (hadFocus) old.querySelector("button, a")?.focus();
  }
  for (const name of ["mark", "state", "says"]) row.dataset[name] = fresh.dataset[name];
}

function onRow({ id, mark, html }) {
  const row = rowOf(id);
  if (row && row.dataset.mark === mark) return;
  const fresh = drawn(html);
  const state = row?.dataset.state;
  if (row) patch(row, fresh);
  else {
    let next = body.lastElementChild;
    while (next && next.dataset.call > id) next = next.previousElementSibling;
    if (next) next.after(fresh); else body.prepend(fresh);
  }
  if (isFilled && state !== fresh.dataset.state) changed.set(id, fresh.dataset.says);
}

function end(row, word = table.dataset.ended) {
  if (row.dataset.state === "gone") return;
  row.dataset.state = "gone";
  row.dataset.mark = "";
  row.classList.add("gone");
  const badge = row.querySelector(".badge");
  badge.className = "badge";
  badge.textContent = word;
  row.querySelector(".do form")?.remove();
  row.querySelector(".do a")?.remove();
  changed.set(row.dataset.call, row.dataset.says.replace(/: [^:]*$/, `: ${word}`));
}

const isSeen = (row) => {
  const box = row.getBoundingClientRect();
  return box.bottom > 0 && box.top < innerHeight;
};

function sweep(all) {
  for (const row of body.querySelectorAll(".gone")) if (all || document.hidden || !isSeen(row)) row.remove();
  const left = body.querySelectorAll(".gone").length;
  clear.hidden = left === 0;
  if (left) clear.textContent = filled(clear, left);
  none.hidden = body.childElementCount > 0;
}

function onCalls({ count: calls, gone, left, all }) {
  if (all) {
    const known = new Set(all);
    for (const row of [...body.rows]) if (!known.has(row.dataset.call)) end(row);
    isFilled = true;
    byId("pages")?.remove();
  }
  for (const id of gone) { const row = rowOf(id); if (row) end(row, left.includes(id) ? table.dataset.left : undefined); }
  const text = filled(count, calls);
  if (count.textContent !== text) count.textContent = text;
  sweep(false);
}

function tell() {
  if (!changed.size) return;
  const said = [...changed.values()];
  news.textContent = said.length > MOST_SAID ? news.dataset.many.replace("{n}", said.length) : `${said.join(". ")}.`;
  changed.clear();
}

function follow() {
  const source = new EventSource(table.dataset.stream);
  const heard = (act) => (event) => { heardAt = Date.now(); show("good", "live"); act(JSON.parse(event.data)); };
  source.addEventListener("row", heard(onRow));
  source.addEventListener("calls", heard(onCalls));
  source.onerror = () => {
    show("bad", "lost");
    if (source.readyState === EventSource.CLOSED) setTimeout(check, AGAIN_MS);
  };
}

// The stream was refused: perhaps the login has ended, perhaps the daemon starts again.
async function check() {
  try {
    const answer = await fetch(location.pathname, { method: "HEAD", redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.status === 404) return show("bad", "over");
  } catch { /* not reachable: later */ }
  follow();
}

async function ask(event) {
  const form = event.target;
  if (!body.contains(form)) return;
  event.preventDefault();
  const buttons = [...form.querySelectorAll("button")];
  for (const button of buttons) button.setAttribute("aria-disabled", "true");
  try {
    const answer = await fetch(event.submitter?.formAction ?? form.action, {
      method: "POST", headers: { "HX-Request": "true", Accept: "text/html" }, body: new URLSearchParams(new FormData(form)),
    });
    if (answer.headers.has("HX-Redirect")) location.assign(answer.headers.get("HX-Redirect"));
    else byId("said").innerHTML = await answer.text();
  } finally {
    for (const button of buttons) button.removeAttribute("aria-disabled");
  }
}

document.addEventListener("submit", ask);
document.addEventListener("scroll", () => { if (body.querySelector(".gone")) sweep(false); }, { passive: true });
clear.addEventListener("click", () => { sweep(true); table.closest(".scroll").focus(); });
byId("again").hidden = true;
setInterval(tell, NEWS_MS);
setInterval(() => { if (heardAt && Date.now() - heardAt > SILENT_MS) show("bad", "lost"); }, 1000);
follow();
