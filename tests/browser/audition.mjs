// A page to hear, of a trace, or of claims, in headless Chromium: is it whole, and does every player play?
// node audition.mjs MODULES CHROMIUM ADDRESS WIDTH light|dark PICTURES  ->  what was seen, as JSON
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [modules, executablePath, url, width, colorScheme, pictures] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(`${modules}/axe-core/axe.min.js`, "utf-8");
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--mute-audio"];
args.push("--disable-background-networking", "--disable-component-update", "--disable-sync");

const browser = await chromium.launch({ executablePath, args });
const viewport = { width: Number(width), height: 760 };
const context = await browser.newContext({ viewport, colorScheme });
const page = await context.newPage();
page.setDefaultTimeout(20000);
await page.addInitScript(() => {
  const Made = window.Audio;
  window.audios = [];
  window.Audio = function () {
    const audio = new Made();
    window.audios.push(audio);
    return audio;
  };
});
const seen = { errors: [], outside: [], violations: [], silent: [], wide: 0, players: 0, keys: [] };
page.on("console", (line) => ["error", "warning"].includes(line.type()) && seen.errors.push(line.text()));
page.on("pageerror", (error) => seen.errors.push(String(error)));
page.on("request", (request) => {
  const to = request.url();
  if (to !== url && !/^(data|blob):/.test(to)) seen.outside.push(to);
});
await page.goto(url);
for (const closed of await page.$$("details:not([open])")) await closed.evaluate((one) => (one.open = true));

await page.evaluate(axe);
const found = await page.evaluate(() => window.axe.run(document));
for (const { id, nodes } of found.violations) {
  seen.violations.push(`${id}: ${nodes.map((node) => node.html).join(" ").slice(0, 300)}`);
}
seen.wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
if (pictures) {
  const name = `${url.split("/").pop()}-${width}-${colorScheme}`;
  await page.screenshot({ path: `${pictures}/${name}.png` });
  const row = await page.$("[data-row]");
  if (row) {
    await row.scrollIntoViewIfNeeded();
    await page.screenshot({ path: `${pictures}/${name}-row.png` });
  }
}

/** Plays until time moves on; how many audio elements play at that moment. */
const moving = () =>
  page
    .waitForFunction(() => window.audios.some((one) => !one.paused && one.currentTime > 0))
    .then(() => page.evaluate(() => window.audios.filter((one) => !one.paused).length));

seen.together = 0;
for (const button of await page.$$(".player button")) {
  seen.players += 1;
  await button.evaluate((one) => one.click());
  try {
    seen.together = Math.max(seen.together, await moving());
    const marked = await page.$$eval(".playing", (all) => all.length);
    if (marked !== 1) seen.silent.push(`${marked} players look as if they play`);
    await page.evaluate(() => window.audios.forEach((one) => (one.currentTime = 0)));
  } catch (error) {
    seen.silent.push(await button.getAttribute("aria-label"));
  }
}
if (seen.players) {
  await page.keyboard.press("Escape");
  seen.keys.push(await page.$$eval(".playing", (all) => all.length)); // none
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("2"); // the second sound of the first row
  await moving();
  seen.keys.push(await page.$$eval("section.row .player", (all) => all.findIndex((one) => one.matches(".playing"))));
  await page.keyboard.press("Escape");
}

/** A page may have the browser's own players, too. */
seen.audio = 0;
for (const audio of await page.$$("audio")) {
  seen.audio += 1;
  try {
    await audio.evaluate((one) => one.play());
    await page.waitForFunction((one) => one.currentTime > 0, audio);
    const playing = await page.$$eval("audio", (all) => all.filter((one) => !one.paused).length);
    seen.together = Math.max(seen.together, playing);
  } catch (error) {
    seen.silent.push(await audio.getAttribute("aria-label"));
  }
}

/** What is left of the rows when a filter asks for one value; then all of them again. */
seen.filtered = {};
for (const filter of await page.$$("[data-filter]")) {
  const name = await filter.getAttribute("data-filter");
  const rows = () => page.$$eval("[data-row]", (all) => all.filter((one) => !one.hidden).length);
  const before = await rows();
  await filter.selectOption({ index: 1 });
  seen.filtered[name] = [before, await rows()];
  await filter.selectOption("");
}
await browser.close();
console.log(JSON.stringify(seen));
