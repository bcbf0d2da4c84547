// One sound at a time: every player of the page shares one audio element.
"use strict";
const sounds = JSON.parse(document.getElementById("sounds").textContent);
const audio = new Audio();
const players = [...document.querySelectorAll(".player")];
const status = document.getElementById("status");
const stop = document.getElementById("stop");
let current = null;

const label = (player) => player.querySelector("button").getAttribute("aria-label");

/** How a player looks and is told of: playing or not. */
function show(player, playing) {
  player.classList.toggle("playing", playing);
  const button = player.querySelector("button");
  button.setAttribute("aria-pressed", String(playing));
  button.firstElementChild.textContent = playing ? "❚❚" : "▶";
  stop.hidden = !playing;
  if (playing) stop.textContent = `Stop: ${player.dataset.what}`;
  status.textContent = playing ? `Playing: ${player.dataset.what}` : "";
}

function halt() {
  audio.pause();
  if (current) show(current, false);
}

/** Play from some second; another one that plays is stopped. */
async function play(player, from) {
  halt();
  if (current !== player) {
    current = player;
    audio.src = `data:audio/mpeg;base64,${sounds[player.dataset.sound]}`;
  }
  audio.currentTime = from ?? (audio.ended ? 0 : audio.currentTime);
  show(player, true);
  try {
    await audio.play();
  } catch (error) {
    if (error.name === "AbortError") return; // another one was asked for meanwhile
    show(player, false);
    status.textContent = `Cannot be played here: ${player.dataset.what}`;
  }
}

function toggle(player) {
  if (player === current && !audio.paused) halt();
  else play(player);
}

audio.addEventListener("ended", () => current && show(current, false));

(function follow() {
  if (current && !audio.paused) {
    const share = audio.currentTime / Number(current.dataset.seconds);
    current.querySelector(".at").style.left = `${100 * Math.min(1, share)}%`;
  }
  requestAnimationFrame(follow);
})();

for (const player of players) {
  player.querySelector("button").addEventListener("click", () => toggle(player));
  player.querySelector(".picture").addEventListener("click", (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    play(player, ((event.clientX - box.left) / box.width) * Number(player.dataset.seconds));
  });
}
stop.addEventListener("click", halt);

/** The row that has the focus, or the first one. */
const rows = () => [...document.querySelectorAll("section.row")].filter((row) => !row.hidden);

function step(by) {
  const all = rows();
  const here = all.indexOf(document.activeElement.closest("section.row"));
  const next = all[Math.max(0, Math.min(all.length - 1, here + by))];
  next?.querySelector(".player button").focus();
  next?.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName)) return;
  const row = document.activeElement.closest("section.row") || rows()[0];
  const seek = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (event.key === "Escape") halt();
  else if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else if (seek && current && document.activeElement.closest(".player")) {
    audio.currentTime = Math.max(0, audio.currentTime + seek);
    event.preventDefault();
  } else if (/^[1-9]$/.test(event.key) && row) {
    const player = row.querySelectorAll(".player")[Number(event.key) - 1];
    if (player) play(player, 0);
  }
});

/** Rows whose data say what every filter asks for. */
const filters = [...document.querySelectorAll("[data-filter]")];
function sift() {
  for (const row of document.querySelectorAll("[data-row]")) {
    row.hidden = filters.some((one) => one.value && row.dataset[one.dataset.filter] !== one.value);
  }
  const told = document.getElementById("shown");
  if (told) told.textContent = `${document.querySelectorAll("[data-row]:not([hidden])").length} shown`;
}
filters.forEach((one) => one.addEventListener("change", sift));
if (filters.length) sift();
