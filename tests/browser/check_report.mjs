// Opens a report in a real browser and checks what a reader would meet: accessibility, themes, phone width, no network.
//
//   node check_report.mjs report.html [--modules DIR] [--screenshots DIR] [--chromium /usr/bin/chromium]
//
// DIR of --modules (or WINDTUNNEL_NODE_MODULES) is a folder in which `npm i playwright-core axe-core` was run.
// Exit code 1: a serious or critical finding, a dialog, a console error, a request, or sideways scrolling.

import { createRequire } from 'node:module';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    modules: { type: 'string', default: process.env.WINDTUNNEL_NODE_MODULES ?? '.' },
    screenshots: { type: 'string' },
    chromium: { type: 'string', default: process.env.CHROMIUM ?? '/usr/bin/chromium' },
  },
});
if (positionals.length !== 1) {
  console.error('usage: node check_report.mjs report.html [--modules DIR] [--screenshots DIR] [--chromium PATH]');
  process.exit(2);
}
const require = createRequire(join(resolve(values.modules), 'package.json'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const report = pathToFileURL(resolve(positionals[0])).href;
const shots = values.screenshots && resolve(values.screenshots);
if (shots) mkdirSync(shots, { recursive: true });

const BLOCKING = new Set(['serious', 'critical']);
const VIEWS = [
  { name: 'light', colorScheme: 'light', viewport: { width: 1280, height: 900 } },
  { name: 'dark', colorScheme: 'dark', viewport: { width: 1280, height: 900 } },
  { name: 'phone', colorScheme: 'light', viewport: { width: 390, height: 844 } },
  { name: 'phone-dark', colorScheme: 'dark', viewport: { width: 390, height: 844 } },
  { name: 'narrow', colorScheme: 'light', viewport: { width: 360, height: 740 } },
];

const failures = [];
const fail = (view, text) => { failures.push(`${view}: ${text}`); };

const browser = await chromium.launch({
  executablePath: values.chromium,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
try {
  for (const view of VIEWS) await check(view);
  await withoutScript();
  await deepLinks();
  if (shots) await print();
} finally {
  await browser.close();
}
for (const line of failures) console.error(`FAIL ${line}`);
console.log(failures.length === 0 ? 'ok' : `${failures.length} failures`);
process.exit(failures.length === 0 ? 0 : 1);

/** A page on the report that reports dialogs, errors and requests. */
async function open(name, options) {
  const context = await browser.newContext({ ...options, bypassCSP: false });
  await context.route('**/*', (route) => {
    const url = route.request().url();
    if (url.split('#')[0] === report) return route.continue();
    fail(name, `request to ${url}`);
    return route.abort();
  });
  const page = await context.newPage();
  page.on('dialog', (dialog) => { fail(name, `dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('console', (message) => { if (message.type() === 'error') fail(name, `console: ${message.text()}`); });
  page.on('pageerror', (error) => fail(name, `script: ${error.message}`));
  await page.goto(report);
  return { context, page };
}

/** One theme and width: axe with everything folded and with everything open, width, screenshots. */
async function check({ name, ...options }) {
  const { context, page } = await open(name, options);
  await sideways(name, page);
  if (shots) {
    await page.screenshot({ path: join(shots, `${name}.png`) });
    await page.screenshot({ path: join(shots, `${name}-full.png`), fullPage: true });
  }
  await accessibility(name, page);
  const toggle = page.locator('#toggle');
  if (await toggle.isVisible()) await toggle.click();
  await sideways(`${name}, all open`, page);
  await accessibility(`${name}, all open`, page);
  await context.close();
}

async function sideways(name, page) {
  const [wide, view] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  if (wide > view) fail(name, `the page scrolls sideways: ${wide} > ${view} px`);
}

async function accessibility(name, page) {
  // The debugger's world is not bound by the page's content security policy.
  await page.evaluate(axe);
  const { violations, incomplete } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations', 'incomplete'] }));
  const byImpact = new Map();
  for (const { impact, id, help, nodes } of violations) {
    byImpact.set(impact, (byImpact.get(impact) ?? 0) + nodes.length);
    console.log(`${name}: ${impact} ${id}: ${help} (${nodes.length}), first: ${nodes[0].target.join(' ')} ${nodes[0].any[0]?.message ?? ''}`);
    if (BLOCKING.has(impact)) fail(name, `axe ${impact}: ${id}`);
  }
  const counts = [...byImpact].map(([impact, n]) => `${impact} ${n}`).join(', ') || 'none';
  console.log(`${name}: violations: ${counts}; to be checked by eye: ${incomplete.map((i) => i.id).join(', ') || 'none'}`);
}

/** The page must hold its findings without a script. */
async function withoutScript() {
  const { context, page } = await open('without script', { javaScriptEnabled: false });
  if (!(await page.locator('main').innerText()).trim()) fail('without script', 'the page is empty');
  if (await page.locator('#tools').isVisible()) fail('without script', 'tools that cannot work are shown');
  await context.close();
}

/** Each link within the page leads somewhere, and the filter hides and shows. */
async function deepLinks() {
  const { context, page } = await open('links', {});
  const dead = await page.evaluate(() => [...document.querySelectorAll('a[href^="#"]')]
    .map((a) => a.getAttribute('href').slice(1)).filter((id) => !document.getElementById(decodeURIComponent(id))));
  if (dead.length > 0) fail('links', `lead nowhere: ${dead.join(' ')}`);
  const twice = await page.evaluate(() => {
    const ids = [...document.querySelectorAll('[id]')].map((el) => el.id);
    return ids.filter((id, at) => ids.indexOf(id) !== at);
  });
  if (twice.length > 0) fail('links', `ids given twice: ${twice.join(' ')}`);
  if ((await page.locator('#filter').count()) === 0) return context.close(); // a page without one
  await page.fill('#filter', 'no such name');
  if (await page.locator('article:visible').count()) fail('filter', 'articles are shown that do not match');
  await page.fill('#filter', '');
  const all = await page.locator('article').count();
  const folded = await page.locator('details:not([open]) article').count();
  if ((await page.locator('article:visible').count()) !== all - folded) fail('filter', 'articles stay hidden');
  await context.close();
}

async function print() {
  const { context, page } = await open('print', { colorScheme: 'light' });
  writeFileSync(join(shots, 'print.pdf'), await page.pdf({ format: 'A4', preferCSSPageSize: true, printBackground: true }));
  await context.close();
}
