// On every page: tells the server the time zone of this browser, so that times are those of the viewer.

const COOKIE = "callrec-zone";

function tellZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const known = document.cookie.split("; ").find((one) => one.startsWith(`${COOKIE}=`));
  if (!zone || known === `${COOKIE}=${zone}`) return;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${COOKIE}=${zone}; Path=/; SameSite=Strict; Max-Age=31536000${secure}`;
  const isKept = document.cookie.includes(`${COOKIE}=${zone}`);
  if (isKept && document.querySelector("main time")) location.reload();
}

// A question before what cannot be undone: <form data-ask="...">. Without scripts the page itself asks.
function askFirst(event) {
  const sentence = event.target.dataset?.ask;
  if (sentence && !confirm(sentence)) event.preventDefault();
}

// A second click on a form that is on its way sends nothing. A download leaves the page as it is, so a form can be sent again later.
const AGAIN_MS = 5000;
const sent = new WeakSet();
function sendOnce(event) {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (sent.has(form)) return event.preventDefault();
  sent.add(form);
  setTimeout(() => sent.delete(form), AGAIN_MS);
}

tellZone();
document.addEventListener("submit", askFirst);
window.addEventListener("submit", sendOnce);
