// One session of the listening page in headless Chromium, by mouse or by keys alone.
// node session.mjs MODULES CHROMIUM URL mouse|keyboard WIDTH ENDING PICTURES  ->  what was seen, as JSON
// ENDING: whole (answers are sent), unsent (they cannot be), away (headphone test failed), left;
// blocked (left, in a browser that stores nothing), same and other (a second session, of whom?)
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [modules, executablePath, url, by, width, ending, pictures] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(`${modules}/axe-core/axe.min.js`, "utf-8");
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--mute-audio"];
args.push("--disable-background-networking", "--disable-component-update", "--disable-sync");

const browser = await chromium.launch({ executablePath, args });
const context = await browser.newContext({ viewport: { width: Number(width), height: 760 } });
const page = await context.newPage();
page.setDefaultTimeout(8000);
await page.addInitScript(() => {
  const Made = window.Audio;
  window.audios = [];
  window.Audio = function () {
    const audio = new Made();
    window.audios.push(audio);
    return audio;
  };
});
if (ending === "blocked") {
  await page.addInitScript(() =>
    Object.defineProperty(window, "localStorage", {
      get() {
        throw new DOMException("denied", "SecurityError");
      },
    })
  );
}
const seen = { errors: [], outside: [], violations: [], early: [], titles: [], overflow: [] };
page.on("console", (line) => ["error", "warning"].includes(line.type()) && seen.errors.push(line.text()));
page.on("pageerror", (error) => seen.errors.push(String(error)));
page.on("request", (request) => {
  const to = request.url();
  if (!to.startsWith(url) && !/^(data|blob):/.test(to)) seen.outside.push(to);
});

const act = {
  mouse: (selector) => page.click(selector),
  async keyboard(selector) {
    const wanted = await page.$(selector);
    for (let pressed = 0; pressed < 60; pressed++) {
      const there = await wanted.evaluate((node) => node === document.activeElement);
      const sibling = await wanted.evaluate(
        (node) => node.type === "radio" && document.activeElement.name === node.name
      );
      if (there) return page.keyboard.press((await wanted.getAttribute("type")) === "button" ? "Enter" : " ");
      await page.keyboard.press(sibling ? "ArrowDown" : "Tab");
      if (sibling && (await wanted.isChecked())) return undefined;
    }
    throw new Error(`${selector} cannot be reached by keys`);
  },
}[by];

const ENDS = { same: "who", other: "who" };

async function look(name) {
  if (ending !== "whole" && name !== (ENDS[ending] || ending)) return; // the whole session has looked at it
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document));
  for (const { id, nodes } of found.violations) {
    seen.violations.push(`${name}: ${id}: ${nodes.map((node) => node.html).join(" ").slice(0, 300)}`);
  }
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (wide > 0) seen.overflow.push(`${name}: ${wide} px`);
  if (pictures) await page.screenshot({ path: `${pictures}/${by}-${width}-${ending}-${name}.png`, fullPage: true });
  seen.titles.push(await page.textContent("h1"));
}

/** Hear everything on the screen to its end; before that, nothing can be chosen. */
async function hear() {
  const players = await page.$$eval("[data-player]", (all) => all.map((one) => one.dataset.player));
  for (const name of players) {
    const able = await page.$$eval("input[type=radio]:not(:disabled), #next:not(:disabled)", (all) => all.length);
    if (able) seen.early.push(`${await page.textContent("h1")} ${name}`);
    await act(`[data-player="${name}"] button`);
    await page.waitForSelector(`[data-player="${name}"] .heard:not(:empty)`);
  }
}

async function next() {
  const before = await page.$eval("main", (main) => main.textContent);
  await act("#next");
  await page.waitForFunction((old) => document.querySelector("main").textContent !== old, before);
}

async function answer(choice) {
  await hear();
  await act(`input[name=choice][value="${choice}"]`);
  if (await page.$("input[name=confidence]")) await act('input[name=confidence][value="3"]');
  await next();
}

async function headphones(study) {
  for (const [at, trial] of study.headphone_trials.entries()) {
    if (at === 2 && ending !== "blocked") {
      await page.reload();
      await hear(); // the sample once more
      await next();
      seen.retested = (await page.textContent(".place span")).trim();
    }
    if (at === 0) await look("headphones");
    await answer(ending === "away" && at < 2 ? (trial.quiet % 3) + 1 : trial.quiet);
  }
}

async function practice(study) {
  for (const [at] of study.practice.entries()) {
    if (at === 0) await look("practice");
    await answer("a");
    if (at === 0) await look("practised");
    await next();
  }
}

async function questions(study) {
  if (ending === "unsent") await page.evaluate(setBack);
  for (const [at] of study.blocks[study.block].entries()) {
    if (at === 2) {
      await page.reload();
      seen.resumed = (await page.textContent(".place span")).trim();
    }
    if (at === 1 && ["left", "blocked"].includes(ending)) return;
    if (at === 0) await look("question");
    await hear();
    if (at === 0) await look("heard");
    await act('input[name=choice][value="b"]');
    if (await page.$("input[name=confidence]")) await act('input[name=confidence][value="3"]');
    if (at === 0) await look("chosen");
    await next();
  }
}

/** The clock of the machine is set back by a day. */
function setBack() {
  const Right = Date;
  window.Date = class extends Right {
    constructor() {
      super(Right.now() - 864e5);
    }
  };
}

/** Nothing but who took part, in which session. */
async function kept() {
  return page.evaluate(() => Object.values(localStorage).map((text) => JSON.parse(text)));
}

/** Another session is asked for, in a browser that has sent one. */
async function again() {
  await page.waitForSelector("main code");
  seen.first = await page.textContent("main code");
  await page.goto(`${url}?block=2`);
  await look("who");
  seen.told = await page.textContent("main");
}

/** The second session, from its consent to its end. */
async function second() {
  await act("#agree");
  await next();
  await hear();
  await next();
  const study = await page.evaluate(() => window.STUDY);
  await headphones(study);
  await practice(study);
  for (const _ of study.blocks[2]) await answer("a");
  await page.waitForSelector("main code");
  seen.second = await page.textContent("main code");
}

const endings = {
  async whole() {
    await page.waitForSelector("main code");
    await look("end");
    seen.cookies = await context.cookies();
    seen.kept = await kept();
    await page.reload(); // what has arrived is not sent again
    await page.waitForSelector("main code");
  },
  async unsent() {
    await page.waitForSelector("#again");
    await look("unsent");
    const [saved] = await Promise.all([page.waitForEvent("download"), act("#save")]);
    seen.file = readFileSync(await saved.path(), "utf-8");
    seen.name = saved.suggestedFilename();
    await page.unroute("**/answers");
    await act("#again");
    await page.waitForSelector("h1:has-text('Thank you') + p:has-text('arrived')");
  },
  async away() {
    await page.waitForSelector("main code");
    await look("away");
    await page.reload();
  },
  async left() {
    page.on("dialog", (dialog) => dialog.accept());
    await page.evaluate(() => window.audios.forEach((audio) => (audio.playbackRate = 0.07)));
    await act('[data-player="x"] button');
    const playing = () => page.evaluate(() => window.audios.filter((audio) => !audio.paused).length);
    seen.playing = [await playing()];
    await act("#leave");
    await page.waitForSelector("h1:has-text('deleted')");
    seen.playing.push(await playing());
    seen.kept = ending === "left" ? await kept() : [];
  },
  async blocked() {
    await endings.left();
  },
  async same() {
    await again();
    await act("#same");
    await second();
  },
  async other() {
    await again();
    await act("#other");
    await page.waitForSelector("#agree");
    seen.kept = await kept();
    await second();
  },
};

try {
  if (ending === "unsent") await page.route("**/answers", (route) => route.abort());
  await page.goto(url);
  await look("consent");
  seen.consent = await page.textContent("main");
  await act("#agree");
  await next();
  const study = await page.evaluate(() => window.STUDY);
  await look("volume");
  await hear();
  await next();
  await headphones(study);
  if (ending !== "away") {
    await practice(study);
    await questions(study);
  }
  await endings[ending]();
  seen.told ??= await page.textContent("main");
} catch (error) {
  seen.errors.push(String(error));
  if (pictures) await page.screenshot({ path: `${pictures}/${by}-${width}-failed.png` });
}
await browser.close();
console.log(JSON.stringify(seen));
