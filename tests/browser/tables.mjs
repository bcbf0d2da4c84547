// A page of tables in headless Chromium: what a reader does with it, and what it asks for.
// node tables.mjs MODULES CHROMIUM FILE WIDTH light|dark  ->  what was seen, as JSON
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [modules, executablePath, file, width, colorScheme] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(`${modules}/axe-core/axe.min.js`, "utf-8");
const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"];
const browser = await chromium.launch({ executablePath, args });
const viewport = { width: Number(width), height: 760 };
const page = await (await browser.newContext({ viewport, colorScheme })).newPage();
page.setDefaultTimeout(20000);
const seen = { errors: [], outside: [] };
page.on("console", (line) => ["error", "warning"].includes(line.type()) && seen.errors.push(line.text()));
page.on("pageerror", (error) => seen.errors.push(String(error)));
page.on("request", (request) => /^(file|data):/.test(request.url()) || seen.outside.push(request.url()));
await page.goto(`file://${file}`);
const rows = () => page.locator("table.data tbody tr").allInnerTexts();
const heads = () => page.locator("table.data thead th").allInnerTexts();

seen.first = (await rows()).length;
seen.columns = (await heads()).length;
const unsorted = (await rows())[0];
await page.locator("th", { hasText: "level" }).locator(".dt-column-order").click();
await page.waitForFunction((was) => document.querySelector("table.data tbody tr").innerText !== was, unsorted);
seen.least = (await rows())[0];
await page.locator(".filters select").first().selectOption("random");
seen.filtered = await rows();
await page.locator("input[type=search]").fill('"row 7"');
seen.found = await rows();
await page.locator("details.columns summary").click();
await page.locator("details.columns label", { hasText: "more" }).locator("input").check();
seen.columns_then = (await heads()).length;
await page.locator("input[type=search]").fill("");
seen.sticky = await page.evaluate(() => {
  const wide = document.querySelector(".wide");
  wide.scrollTop = 200;
  const top = document.querySelector("table.data th").getBoundingClientRect().top;
  return wide.scrollTop > 0 && Math.abs(top - wide.getBoundingClientRect().top) < 3;
});
seen.overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
await page.evaluate(axe);
seen.violations = await page.evaluate(async () => (await axe.run()).violations.map((one) => one.id));
console.log(JSON.stringify(seen));
await browser.close();
