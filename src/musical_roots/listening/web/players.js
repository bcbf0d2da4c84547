/* Players of short clips: a button each; a clip counts as heard once it was played to its end. */
"use strict";

const Players = (() => {
  let playing = null;

  /** Escape a text for HTML. */
  function text(value) {
    const node = document.createElement("span");
    node.textContent = value;
    return node.innerHTML;
  }

  /** Stop what is playing. */
  function hush() {
    if (playing) playing.stop();
  }

  function html(name, called) {
    return `<span class="player" data-player="${name}">
      <button type="button" class="play" aria-label="Play ${text(called)}">Play</button>
      <progress max="1" value="0" aria-label="Position in ${text(called)}"></progress>
      <span class="heard"></span></span>`;
  }

  class Player {
    /** `onHeard` is called each time the clip was played to its end. */
    constructor(root, called, url, onHeard) {
      this.called = called;
      this.plays = 0;
      this.onHeard = onHeard;
      this.button = root.querySelector("button");
      this.bar = root.querySelector("progress");
      this.mark = root.querySelector(".heard");
      this.audio = new Audio();
      this.audio.preload = "auto";
      this.audio.src = url;
      this.audio.addEventListener("ended", () => this.ended());
      this.audio.addEventListener("error", () => this.failed());
      this.audio.addEventListener("timeupdate", () => this.moved());
      this.button.addEventListener("click", () => (playing === this ? this.stop() : this.play()));
    }

    play() {
      hush();
      playing = this;
      if (this.audio.error) this.audio.load(); // once more, after a failure
      this.audio.currentTime = 0;
      this.say("Stop");
      this.audio.play().catch((error) => error.name === "AbortError" || this.failed());
    }

    stop() {
      this.audio.pause();
      this.bar.value = 0;
      this.say("Play");
      if (playing === this) playing = null;
    }

    ended() {
      this.plays += 1;
      this.stop();
      this.mark.textContent = "✓ heard";
      this.onHeard(this);
    }

    moved() {
      this.bar.value = this.audio.duration ? this.audio.currentTime / this.audio.duration : 0;
    }

    failed() {
      if (playing === this) playing = null;
      this.say("Play");
      this.mark.textContent = "";
      const status = document.querySelector(".status");
      if (status) status.textContent = `${this.called} could not be played. Please try it again.`;
    }

    say(word) {
      this.button.textContent = word;
      this.button.setAttribute("aria-label", `${word} ${this.called}`);
    }

    /** Free the audio: a session has many clips. */
    close() {
      this.stop();
      this.audio.removeAttribute("src");
    }
  }

  return { Player, html, hush, text };
})();
