// Looks at pages in Chromium, light and dark, on a telephone and on a desk: no request to another
// host, nothing on the console, nothing wider than the page, no serious finding of axe-core.
//
//   npm install --prefix /tmp/axe axe-core playwright-core
//   AXE=/tmp/axe CHROMIUM=/usr/bin/chromium node scripts/axe.mjs report.html compare.html
//
// Exit code 0: nothing found; 1: something was; 2: node's packages or Chromium are not there.

import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const pages = process.argv.slice(2);
const browserPath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const from = createRequire(path.join(path.resolve(process.env.AXE ?? "."), "axe.mjs"));

function stop(text) {
  console.error(text);
  process.exit(2);
}

function needed(name) {
  try {
    return from.resolve(name);
  } catch {
    return stop(`${name} is not there: npm install --prefix DIR axe-core playwright-core, then AXE=DIR`);
  }
}

if (pages.length === 0) stop("usage: node scripts/axe.mjs PAGE.html ...");
if (!fs.existsSync(browserPath)) stop(`${browserPath} is not there: CHROMIUM=PATH names the browser`);
const axe = fs.readFileSync(needed("axe-core/axe.min.js"), "utf8");
const { chromium } = from(needed("playwright-core"));

const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] });
let found = 0;
for (const file of pages) {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [360, 1280]) {
      found += await look(file, colorScheme, width);
    }
  }
}
await browser.close();
process.exit(found ? 1 : 0);

async function look(file, colorScheme, width) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
  const page = await context.newPage();
  const problems = [];
  page.on("console", (message) => problems.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (!/^(file|data):/.test(request.url())) problems.push(`request: ${request.url()}`);
  });
  await page.goto(pathToFileURL(path.resolve(file)).href);
  for (const details of await page.$$("details")) await details.evaluate((one) => (one.open = true));
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  if (wide > width) problems.push(`${wide} pixels wide`);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run());
  for (const one of violations) {
    const text = `${one.impact}: ${one.id}: ${one.help}, ${one.nodes.length} times`;
    if (["serious", "critical"].includes(one.impact)) problems.push(`${text}: ${one.nodes[0].html}`);
    else console.log(`${file} ${colorScheme} ${width}: ${text} (not counted)`);
  }
  await context.close();
  for (const problem of problems) console.log(`${file} ${colorScheme} ${width}: ${problem}`);
  if (!problems.length) console.log(`${file} ${colorScheme} ${width}: nothing found`);
  return problems.length;
}
