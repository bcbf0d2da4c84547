/* The two kinds of screen, as plugins of jsPsych: a text, and sounds to be heard before a choice. */
"use strict";

const Screens = (() => {
  const { ParameterType } = jsPsychModule;
  const { Player, html: playerHtml, text } = Players;
  const SURE = ["1: I guessed", "2: not very sure", "3: fairly sure", "4: very sure"];

  function show(element, html) {
    element.innerHTML = html;
    window.scrollTo(0, 0);
    const heading = element.querySelector("h1");
    heading.tabIndex = -1;
    heading.focus(); // a screen reader begins here
  }

  function place(done, all, what) {
    return `<p class="place"><span>${what} ${done + 1} of ${all}</span>
      <progress max="${all}" value="${done}" aria-label="Progress"></progress></p>`;
  }

  /** How long an answer took, and how much of it since all was heard; of days no more than one. */
  function times(since, heard) {
    const seconds = Math.min(86400, (performance.now() - since) / 1000);
    const decided = Math.max(0, seconds - (heard - since) / 1000);
    return { seconds: hundredth(seconds), decided: hundredth(decided) };
  }

  function hundredth(value) {
    return Math.round(100 * value) / 100;
  }

  function listed(names) {
    return names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
  }

  /** Text and a button. */
  class TextPlugin {
    static info = {
      name: "text-page",
      version: "1.0.0",
      parameters: {
        html: { type: ParameterType.HTML_STRING },
        button: { type: ParameterType.STRING },
        agree: { type: ParameterType.STRING, default: "" },
        clip: { type: ParameterType.STRING, default: "" },
      },
      data: {},
    };

    constructor(jsPsych) {
      this.jsPsych = jsPsych;
    }

    trial(element, trial) {
      const agree = trial.agree
        ? `<p><label class="row agree"><input type="checkbox" id="agree"><span>${trial.agree}</span></label></p>`
        : "";
      const clip = trial.clip ? playerHtml("sample", "the sample") : "";
      const status = clip ? `<p class="status" role="status"></p>` : "";
      show(element, `${trial.html}${clip}${status}${agree}
        <p><button type="button" id="next">${trial.button}</button></p>`);
      const next = element.querySelector("#next");
      const box = element.querySelector("#agree");
      const ready = () => (next.disabled = (box && !box.checked) || (clip && !player.plays));
      const player =
        clip && new Player(element.querySelector(".player"), "the sample", trial.clip, () => ready());
      if (box) box.addEventListener("change", ready);
      ready();
      next.addEventListener("click", () => {
        if (player) player.close();
        this.jsPsych.finishTrial({});
      });
    }
  }

  /** Sounds to be heard in full, then a choice: the headphone test, practice, and every question. */
  class ChoicePlugin {
    static info = {
      name: "similarity-choice",
      version: "1.0.0",
      parameters: {
        head: { type: ParameterType.HTML_STRING },
        sounds: { type: ParameterType.OBJECT, array: true },
        legend: { type: ParameterType.STRING },
        choices: { type: ParameterType.OBJECT, array: true },
        confidence: { type: ParameterType.BOOL, default: false },
      },
      data: {
        choice: { type: ParameterType.STRING },
        confidence: { type: ParameterType.INT },
        seconds: { type: ParameterType.FLOAT },
        decided: { type: ParameterType.FLOAT },
        plays: { type: ParameterType.OBJECT },
      },
    };

    constructor(jsPsych) {
      this.jsPsych = jsPsych;
    }

    trial(element, trial) {
      const inRow = (name) => trial.sounds.find((sound) => sound.name === name);
      const rows = trial.choices.map(({ value, label }) => {
        const sound = inRow(value);
        return `<div class="row"><label><input type="radio" name="choice" value="${value}">
          <span>${label}</span></label>${sound ? playerHtml(value, sound.called) : ""}</div>`;
      });
      const alone = trial.sounds.filter((sound) => !trial.choices.some((c) => c.value === sound.name));
      const above = alone.map(
        ({ name, called }) => `<div class="reference row"><span class="name">${text(called)[0].toUpperCase()}${text(
          called
        ).slice(1)}</span>${playerHtml(name, called)}</div>`
      );
      show(element, `${trial.head}${above.join("")}
        <fieldset aria-describedby="told"><legend>${trial.legend}</legend>${rows.join("")}</fieldset>
        ${trial.confidence ? scale() : ""}
        <p class="status" role="status" id="told"></p>
        <p><button type="button" id="next" disabled>Next</button></p>`);
      this.listen(element, trial);
    }

    listen(element, trial) {
      const since = performance.now();
      let heard = null; // when all had been heard
      const told = element.querySelector(".status");
      const next = element.querySelector("#next");
      const inputs = [...element.querySelectorAll("input")];
      const value = (name) => element.querySelector(`input[name="${name}"]:checked`)?.value;
      const ready = () => {
        const missing = players.filter((player) => !player.plays).map((player) => player.called);
        if (!missing.length) heard ??= performance.now();
        for (const input of inputs) input.disabled = missing.length > 0;
        told.textContent = missing.length
          ? `Still to be heard to the end: ${listed(missing)}.`
          : value("choice")
            ? ""
            : "All heard. Now choose.";
        next.disabled = !value("choice") || (trial.confidence && !value("confidence"));
      };
      const players = trial.sounds.map(
        ({ name, called, url }) =>
          new Player(element.querySelector(`[data-player="${name}"]`), called, url, ready)
      );
      for (const input of inputs) input.addEventListener("change", ready);
      ready();
      next.addEventListener("click", () => {
        const sure = value("confidence");
        const data = {
          choice: value("choice"),
          confidence: sure ? Number(sure) : null,
          ...times(since, heard),
          plays: Object.fromEntries(trial.sounds.map(({ name }, at) => [name, players[at].plays])),
        };
        for (const player of players) player.close();
        this.jsPsych.finishTrial(data);
      });
    }
  }

  function scale() {
    const marks = SURE.map(
      (label, at) => `<label><input type="radio" name="confidence" value="${at + 1}">${label}</label>`
    );
    return `<fieldset><legend>How sure are you?</legend><div class="scale">${marks.join("")}</div></fieldset>`;
  }

  return { TextPlugin, ChoicePlugin, show, place };
})();
