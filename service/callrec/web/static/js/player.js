// The player of one recording: waveform with both sides, marks, keys, speed, silence, sides, links to a moment.
// Without this script the page has the browser's own player and links to each mark; with it that bar goes, since it would show a
// second position, 0:00 of 0:00 until somebody plays.

import WaveSurfer from "../vendor/wavesurfer-7.12.12/dist/wavesurfer.esm.js";
import Regions from "../vendor/wavesurfer-7.12.12/dist/plugins/regions.esm.js";

const STEP_S = 5, JUMP_S = 10, SHORTEST_SILENCE_S = 1.5, POINTS = 1200;
const player = document.getElementById("player");
const audio = document.getElementById("audio");
const wave = document.getElementById("wave");
const position = document.getElementById("position");
const speed = document.getElementById("speed");
const sides = document.getElementById("sides");
const skip = document.getElementById("skip");
const keysOn = document.getElementById("keys-on");
const length = Number(player.dataset.length);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

let silences = [];
let surfer = null;
let at = Number(player.dataset.moment || 0); // until the audio is loaded it has no position of its own

function clock(seconds) {
  const whole = Math.floor(seconds + 0.5);
  const pad = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}

function kept(name, otherwise) {
  try { return localStorage.getItem(`callrec-${name}`) ?? otherwise; } catch { return otherwise; }
}

function keep(name, value) {
  try { localStorage.setItem(`callrec-${name}`, value); } catch { /* private windows keep nothing */ }
}

function show() {
  position.textContent = `${clock(at)} / ${clock(length)}`;
  wave.setAttribute("aria-valuenow", Math.round(at));
  wave.setAttribute("aria-valuetext", position.textContent);
}

function seek(seconds) {
  at = Math.min(Math.max(0, seconds), Math.max(0, length - 0.05));
  if (surfer) surfer.setTime(at); else audio.currentTime = at;
  show();
}

function toggle() {
  if (audio.paused) audio.play().catch(() => undefined); else audio.pause();
}

function stepSpeed(by) {
  const chosen = speed.selectedIndex + by;
  if (chosen < 0 || chosen >= speed.options.length) return;
  speed.selectedIndex = chosen;
  setSpeed();
}

function setSpeed() {
  audio.defaultPlaybackRate = audio.playbackRate = Number(speed.value);
  audio.preservesPitch = true;
  keep("speed", speed.value);
}

// -- which side is heard: both ears get what is chosen ------------------------------------------------------------------

let graph = null;

function setSides() {
  if (!graph) {
    if (sides.value === "both") return;
    const context = new AudioContext();
    const source = context.createMediaElementSource(audio);
    const split = context.createChannelSplitter(2), join = context.createChannelMerger(2);
    const gains = [[0, 0], [0, 1], [1, 0], [1, 1]].map(([from, to]) => {
      const gain = context.createGain();
      split.connect(gain, from).connect(join, 0, to);
      return { from, to, gain };
    });
    source.connect(split);
    join.connect(context.destination);
    graph = { context, gains };
  }
  graph.context.resume();
  for (const { from, to, gain } of graph.gains) {
    const isHeard = sides.value === "both" ? from === to : from === (sides.value === "left" ? 0 : 1);
    gain.gain.value = isHeard ? 1 : 0;
  }
}

// -- silence ------------------------------------------------------------------------------------------------------------

function quietTimes(voice) {
  const spoken = voice.flat().sort((one, other) => one[0] - other[0]);
  if (!spoken.length) return [];
  const found = [];
  let end = 0;
  for (const [from, to] of [...spoken, [length, length]]) {
    if (from - end >= SHORTEST_SILENCE_S) found.push([end + 0.3, from - 0.3]);
    end = Math.max(end, to);
  }
  return found;
}

function moved() {
  if (audio.readyState > 0) at = audio.currentTime;
  const silence = skip.checked && !audio.paused && silences.find(([from, to]) => at >= from && at < to);
  if (silence) seek(silence[1]);
  show();
}

// -- waveform and marks -------------------------------------------------------------------------------------------------

function heights(pairs) {
  const found = [];
  for (let nth = 0; nth < pairs.length; nth += 2) found.push(Math.max(-pairs[nth], pairs[nth + 1]) / 128);
  return found;
}

async function draw() {
  const answer = await fetch(`${player.dataset.api}/waveform?points=${POINTS}`, { headers: { Accept: "application/json" } });
  if (!answer.ok) return;
  const drawn = await answer.json();
  silences = quietTimes(drawn.voice);
  wave.hidden = false;
  const side = (name) => ({ waveColor: colour(name), progressColor: colour("--ink"), height: 56 });
  surfer = WaveSurfer.create({
    container: wave, media: audio, peaks: drawn.peaks.map(heights), duration: length, normalize: true, dragToSeek: true,
    splitChannels: drawn.peaks.length > 1 ? [side("--left"), side("--right")] : [side("--left")],
    cursorColor: colour("--bad"), cursorWidth: 2, hideScrollbar: true, cspNonce: player.dataset.nonce,
  });
  surfer.on("interaction", (seconds) => { at = seconds; show(); });
  const regions = surfer.registerPlugin(Regions.create());
  surfer.once("ready", () => {
    for (const mark of document.querySelectorAll("#mark-list [data-from], #note-list [data-from]")) {
      const from = Number(mark.dataset.from), to = Number(mark.dataset.to ?? from), kind = mark.dataset.kind ?? "note";
      if (["joined", "left"].includes(kind)) continue;
      const tone = { missing: "--bad", pause: "--warn", note: "--accent" }[kind] ?? "--mark";
      regions.addRegion({
        start: from, end: to > from ? to : undefined, drag: false, resize: false,
        color: `color-mix(in srgb, ${colour(tone)} 25%, transparent)`,
      });
    }
    if (at) seek(at);
  });
}

// -- what is pressed ----------------------------------------------------------------------------------------------------

async function share() {
  const link = `${location.origin}${player.dataset.page}?t=${at.toFixed(1).replace(/\.0$/, "")}`;
  const told = document.getElementById("shared");
  try { await navigator.clipboard.writeText(link); } catch { /* not permitted: the address stands there to be copied */ }
  told.textContent = link;
}

const DO = { play: toggle, back: () => seek(at - STEP_S), forward: () => seek(at + STEP_S), share };
const KEYS = {
  " ": toggle, k: toggle, ArrowLeft: DO.back, ArrowRight: DO.forward, j: () => seek(at - JUMP_S), l: () => seek(at + JUMP_S),
  ",": () => stepSpeed(-1), ".": () => stepSpeed(1), s: () => { skip.checked = !skip.checked; keep("skip", skip.checked); },
};

function pressed(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || !keysOn.checked) return;
  const isField = event.target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]");
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const isPressing = key === " " && event.target.closest("button, a, summary, input");
  if (isField || isPressing || !(key in KEYS)) return;
  event.preventDefault();
  KEYS[key]();
}

for (const button of player.querySelectorAll("[data-do]")) button.addEventListener("click", () => DO[button.dataset.do]());
for (const event of ["play", "pause", "ended"]) audio.addEventListener(event, () => {
  for (const part of player.querySelectorAll("[data-when]")) part.hidden = (part.dataset.when === "playing") === audio.paused;
});
for (const event of ["timeupdate", "seeked"]) audio.addEventListener(event, moved);
document.addEventListener("click", (event) => {
  const link = event.target.closest("#mark-list a, #note-list a");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  seek(Number(link.closest("li").dataset.from));
});
document.addEventListener("keydown", pressed);
speed.addEventListener("change", setSpeed);
sides.addEventListener("change", setSides);
skip.addEventListener("change", () => keep("skip", skip.checked));
keysOn.addEventListener("change", () => keep("keys", keysOn.checked));
// A field for a moment is where the player is, until somebody writes another one.
for (const field of document.querySelectorAll("[data-follows]")) {
  field.addEventListener("input", () => { field.dataset.follows = "written"; });
  field.form.addEventListener("focusin", () => {
    if (field.dataset.follows !== "written") field.value = at > 0 ? at.toFixed(1).replace(/\.0$/, "") : "";
  });
}

speed.value = kept("speed", "1");
if (!speed.value) speed.value = "1";
skip.checked = kept("skip", "false") === "true";
keysOn.checked = kept("keys", "true") === "true";
document.getElementById("controls").hidden = false;
audio.controls = false;
document.getElementById("keys").hidden = false;
setSpeed();
show();
await draw();
player.dataset.ready = "yes";
