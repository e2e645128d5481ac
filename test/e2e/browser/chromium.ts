import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  // Containers often have very little of it.
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Some systems have a program of this name that only tells how to get the browser. */
function runs(path: string): boolean {
  return existsSync(path) && spawnSync(path, ["--version"], { stdio: "ignore" }).status === 0;
}

/** The browser of this machine, or undefined, in which case the reason is printed. */
export function findChromium(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  for (const name of NAMES) {
    const found = folders.map((folder) => join(folder, name)).find(runs);
    if (found !== undefined) return found;
  }
  process.stderr.write(
    "\nSKIPPED browser tests: no chromium that runs on the PATH (Debian's package is called chromium)\n\n",
  );
  return undefined;
}

/** How long the browser is waited for, in milliseconds: the time limit of a test should end before. */
const PATIENCE_MS = 600_000;

/** Starts the browser with a profile of its own that goes when it is closed. */
export function launch(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: FLAGS, timeout: PATIENCE_MS });
}

/** Opens an address in a page of its own. */
export async function openPage(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(url);
  return page;
}
