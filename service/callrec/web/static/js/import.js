// Import of users: a file may be dropped, the upload and the import show how far they are. Without scripts the forms do the same.

const EVERY_MS = 300;

function dropHere(form) {
  const zone = form.querySelector(".drop");
  const input = form.querySelector("input[type=file]");
  for (const name of ["dragenter", "dragover"])
    zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add("over"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    if (event.dataTransfer.files.length) input.files = event.dataTransfer.files;
  });
}

function show(html, address) {
  history.pushState(null, "", address);
  const made = new DOMParser().parseFromString(html, "text/html");
  const main = made.querySelector("main");
  document.querySelector("main").replaceWith(main);
  document.title = made.title;
  main.focus();
  begin();
}

function upload(event) {
  const form = event.target;
  const bar = form.querySelector("progress");
  const request = new XMLHttpRequest();
  event.preventDefault();
  bar.hidden = false;
  request.upload.addEventListener("progress", (now) => { if (now.lengthComputable) bar.value = (100 * now.loaded) / now.total; });
  request.addEventListener("load", () => show(request.responseText, request.responseURL));
  request.addEventListener("error", () => form.submit());
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "text/html");
  request.send(new FormData(form));
}

async function apply(event) {
  const form = event.target;
  const running = form.querySelector(".running");
  const bar = running.querySelector("progress");
  const said = running.querySelector("p");
  event.preventDefault();
  running.hidden = false;
  form.querySelector("button").disabled = true;
  const timer = setInterval(async () => {
    const answer = await fetch(form.dataset.progress).catch(() => null);
    const now = answer?.ok ? await answer.json() : null;
    if (!now?.running) return;
    said.textContent = said.dataset[now.step] ?? "";
    if (now.all) Object.assign(bar, { max: now.all, value: now.done });
    else bar.removeAttribute("value");
  }, EVERY_MS);
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "text/html" } });
    show(await answer.text(), answer.url);
  } catch {
    form.submit();
  } finally {
    clearInterval(timer);
  }
}

function begin() {
  const first = document.getElementById("upload");
  const second = document.getElementById("apply");
  if (first) {
    dropHere(first);
    first.addEventListener("submit", upload);
  }
  second?.addEventListener("submit", apply);
}

// Back and forward lead to pages that `show` has put here: they are asked for again.
addEventListener("popstate", () => location.reload());

begin();
