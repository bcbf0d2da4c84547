/* A session of the listening study: consent, headphones, practice, questions, and where answers go.
   What is asked comes from study.js; what was answered stays in this browser until the end. */
"use strict";

(() => {
  const { initJsPsych } = jsPsychModule;
  const { text, hush } = Players;
  const { TextPlugin, ChoicePlugin, show, place } = Screens;
  const study = window.STUDY;
  const KEY = `musical-roots ${study.study_id}`;
  const QUESTION = "Which of the two clips is more similar to the reference?";
  const ORDINALS = ["first", "second", "third"];
  let state = loaded() || begun();

  // ---- what is kept in this browser

  function loaded() {
    try {
      const kept = JSON.parse(localStorage.getItem(KEY));
      return kept && kept.block in study.blocks ? kept : null;
    } catch {
      return null;
    }
  }

  function begun(listener = random()) {
    const blocks = Object.keys(study.blocks);
    const any = blocks[Math.floor(Math.random() * blocks.length)];
    return {
      listener_id: listener,
      block: asked() || String(study.block || any),
      started: null,
      headphones: [],
      practised: 0,
      answers: [],
      finished: null,
      saved: false,
    };
  }

  /** The block that the address asks for, if there is such. */
  function asked() {
    const block = new URLSearchParams(location.search).get("block");
    return block in study.blocks ? block : null;
  }

  function random() {
    const bytes = crypto.getRandomValues(new Uint8Array(8));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  function keep() {
    try {
      localStorage.setItem(KEY, JSON.stringify(state));
    } catch {
      /* a browser that keeps nothing: the session goes on, but cannot be resumed */
    }
  }

  function forget() {
    try {
      localStorage.removeItem(KEY);
    } catch {
      /* nothing was kept */
    }
  }

  function now() {
    return new Date().toISOString();
  }

  /** Now; a clock that was set back meanwhile ends no session before its start. */
  function later() {
    return now() < state.started ? state.started : now();
  }

  /** Which of A and B is shown first: the same for a listener and trial each time, else at random. */
  function order(trial) {
    let hash = 2166136261;
    for (const letter of `${state.listener_id} ${trial}`) {
      hash = Math.imul(hash ^ letter.charCodeAt(0), 16777619);
    }
    hash = Math.imul(hash ^ (hash >>> 15), 2246822507);
    return ((hash ^ (hash >>> 13)) >>> 7) & 1 ? "ba" : "ab";
  }

  // ---- the screens

  function consent() {
    const ask = study.contact ? `<p>Questions: ${text(study.contact)}.</p>` : "";
    const first =
      study.headphones === "required"
        ? " A short headphone test comes first; who does not pass it does not go on, and only its result is sent."
        : "";
    const board = study.consent ? `<p>${text(study.consent)}</p>` : "";
    return {
      type: TextPlugin,
      html: `<h1>A listening study on similar music</h1>
        <p>You will hear short clips of music and say which of two is more similar to a third. Most
        questions have no right or wrong answer. It takes about ${study.minutes} minutes, and wants
        headphones and a quiet place.${first}</p>
        <p>Taking part is voluntary. You can stop at any time, without a reason, by closing this page or
        with the button at its end; then nothing is sent. Until they are sent, your answers are stored in
        this browser, so that you can go on after a break: the button deletes them. Afterwards only your number
        is, until someone else takes part. We keep your answers, when and how long you
        listened, whether the headphone test was passed, and a random number in place of your name. We
        ask for no name, address or other personal data, and set no cookies. Answers may be published
        without anything that names you. Once sent they can only be taken out by that number, which you
        are shown at the end.</p>${ask}${board}`,
      agree: "I am 18 or older, have read this, and agree to take part.",
      button: "Begin",
      on_finish: () => ((state.started = now()), keep()),
    };
  }

  function volume() {
    return {
      type: TextPlugin,
      html: `<h1>Put on your headphones</h1><p>Play the sample and set the volume to a comfortable level.
        Please do not change it afterwards.</p>`,
      clip: study.sample,
      button: "The volume is set",
    };
  }

  function headphone(at) {
    const trial = study.headphone_trials[at];
    return {
      type: ChoicePlugin,
      head: `${place(at, study.headphone_trials.length, "Headphone test")}
        <h1>Which tone is the quietest?</h1><p>You hear three tones, one after the other.</p>`,
      sounds: [{ name: "tones", called: "the three tones", url: trial.audio }],
      legend: "The quietest is",
      choices: ORDINALS.map((word, n) => ({ value: String(n + 1), label: `the ${word} tone` })),
      on_finish: (data) => {
        state.headphones.push(Number(data.choice) === trial.quiet);
        keep();
      },
    };
  }

  function similarity(trial, head, on_finish) {
    const shown = order(trial.trial_id);
    return {
      type: ChoicePlugin,
      head: `${head}<h1>${QUESTION}</h1><p>Listen to all three to the end, as often as you like. Then choose.</p>`,
      sounds: [
        { name: "x", called: "the reference", url: trial.x },
        { name: shown[0], called: "clip 1", url: trial[shown[0]] },
        { name: shown[1], called: "clip 2", url: trial[shown[1]] },
      ],
      legend: "More similar to the reference is",
      choices: [
        { value: shown[0], label: "Clip 1" },
        { value: shown[1], label: "Clip 2" },
      ],
      confidence: study.confidence,
      on_finish: (data) => on_finish(data, shown),
    };
  }

  function practice(at) {
    const trial = study.practice[at];
    let right = false;
    return [
      similarity(trial, `<p class="place">Practice ${at + 1} of ${study.practice.length}</p>`, (data) => {
        right = data.choice === "a";
        state.practised = at + 1;
        keep();
      }),
      {
        type: TextPlugin,
        html: () => `<h1>${right ? "Yes" : "Not quite"}</h1><p>${right ? "That clip is" : "The other clip is"}
          the more similar one. In the questions that follow it is often less clear: say what you hear.</p>`,
        button: "Go on",
      },
    ];
  }

  function question(trial, at, all) {
    return similarity(trial, place(at, all, "Question"), (data, shown) => {
      state.answers.push({
        trial_id: trial.trial_id,
        choice: data.choice,
        confidence: data.confidence,
        order: shown,
        seconds: data.seconds,
        decided: data.decided,
        heard: data.plays,
        at: now(),
      });
      if (at + 1 === all) state.finished = later();
      keep();
    });
  }

  // ---- a session

  function passed() {
    return state.headphones.filter(Boolean).length >= study.headphones_to_pass;
  }

  function sentAway() {
    const tested = state.headphones.length === study.headphone_trials.length;
    return study.headphones === "required" && tested && !passed();
  }

  function timeline() {
    const left = [];
    if (!state.started) left.push(consent());
    if (study.headphones !== "none" && state.headphones.length < study.headphone_trials.length) {
      left.push(volume());
      for (let at = state.headphones.length; at < study.headphone_trials.length; at++) {
        left.push(headphone(at));
      }
    }
    const rest = [];
    for (let at = state.practised; at < study.practice.length; at++) rest.push(...practice(at));
    const trials = study.blocks[state.block];
    for (let at = state.answers.length; at < trials.length; at++) {
      rest.push(question(trials[at], at, trials.length));
    }
    if (rest.length) left.push({ timeline: rest, conditional_function: () => !sentAway() });
    return left;
  }

  function answers() {
    const correct = state.headphones.filter(Boolean).length;
    const trials = state.headphones.length;
    return {
      schema: study.schema,
      study_id: study.study_id,
      arm: study.arm,
      listener_id: state.listener_id,
      consent: true,
      started: state.started,
      finished: state.finished,
      headphones: trials ? { passed: passed(), correct, trials } : null,
      trials: state.answers,
    };
  }

  // ---- the end

  const main = document.getElementById("study");
  const leave = document.getElementById("leave");
  const AWAY = "<p>The headphone test was not passed, so this study cannot go on in this place.</p>";

  function end() {
    leave.hidden = true;
    if (state.sent) return arrived();
    if (!state.finished) {
      state.finished = later(); // the headphone test was the end
      keep();
    }
    return study.post_url ? post() : offer();
  }

  function thanks(told) {
    const away = state.sent ? state.sent === "headphones" : sentAway();
    show(main, `<h1>Thank you</h1>${away ? AWAY : ""}${told}
      <p>Your number is <code>${text(state.listener_id)}</code>. Keep it: by it you can show that you took
      part, or ask for your answers to be taken out.</p>
      <p><button type="button" id="other" class="quiet">Someone else takes part now</button></p>`);
    document.getElementById("other").addEventListener("click", other);
  }

  function arrived() {
    const what = state.sent === "headphones" ? "The result of the test has" : "Your answers have";
    thanks(`<p>${what} arrived.</p>`);
  }

  /** The next person begins as if nobody had been here before. */
  function other() {
    const lost = !state.sent && !state.saved;
    if (lost && !window.confirm("What was answered here is neither sent nor saved. Delete it?")) return;
    forget();
    location.reload();
  }

  /** Somebody was here, and another session is asked for: nobody gets the number of another person. */
  function who() {
    leave.hidden = true;
    show(main, `<h1>Somebody has taken part in this browser</h1><p>Was that you?</p>
      <p><button type="button" id="same">I am the same person</button></p>
      <p><button type="button" id="other">Someone else takes part now</button></p>`);
    document.getElementById("other").addEventListener("click", other);
    document.getElementById("same").addEventListener("click", () => {
      state = begun(state.listener_id);
      leave.hidden = false;
      run();
    });
  }

  function file() {
    const link = document.createElement("a");
    const content = [JSON.stringify(answers(), null, 1)];
    link.href = URL.createObjectURL(new Blob(content, { type: "application/json" }));
    link.download = `${study.arm}-${state.listener_id}-${sentAway() ? "headphones" : state.block}.json`;
    link.click();
    state.saved = true;
    keep();
  }

  function offer(told = "<p>Save what you answered as a file, and hand it to whom invited you.</p>") {
    thanks(`${told}<p><button type="button" id="save">Save the file</button></p>`);
    document.getElementById("save").addEventListener("click", file);
  }

  async function post() {
    show(main, `<h1>Sending your answers</h1><p role="status">One moment.</p>`);
    let why = "the address does not answer";
    try {
      const reply = await fetch(study.post_url, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(answers()),
        credentials: "omit",
      });
      if (reply.ok) {
        const sent = sentAway() ? "headphones" : "answers";
        state = { listener_id: state.listener_id, block: state.block, sent };
        keep();
        return arrived();
      }
      why = (await reply.text()).slice(0, 200);
    } catch {
      /* said below */
    }
    offer(`<div class="alert"><p>Your answers could not be sent: ${text(why)}. They are still in this
      browser. Try again, or save them as a file and hand it to whom invited you.</p>
      <p><button type="button" id="again">Try again</button></p></div>`);
    document.getElementById("again").addEventListener("click", post);
    return undefined;
  }

  leave.addEventListener("click", () => {
    if (!window.confirm("Stop here, and delete what you have answered?")) return;
    forget();
    hush();
    leave.hidden = true;
    show(main, "<h1>Your answers are deleted</h1><p>Nothing was sent. You can close this page.</p>");
  });

  function run() {
    if (state.sent || state.finished || sentAway()) end();
    else initJsPsych({ display_element: "study", use_webaudio: false, on_finish: end }).run(timeline());
  }

  const elsewhere = asked() && asked() !== state.block;
  if (!Object.keys(study.blocks).length) {
    leave.hidden = true;
    show(main, "<h1>This study has no questions</h1><p>Its corpus was too small for them.</p>");
  } else if (elsewhere && (state.sent === "answers" || (state.saved && !sentAway()))) who();
  else run();
})();
