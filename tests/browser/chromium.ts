/** A headless Chromium for tests: a fresh profile, no request of its own to anybody, ended with the test. */
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const PATIENCE_MS = 40_000;

export interface TestBrowser {
  readonly page: Page;
  /** What a page should not have done: errors of scripts, blocked content, requests to other hosts. */
  readonly complaints: readonly string[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** @param ownOrigin the only origin that pages may ask for anything */
export const openBrowser = async (ownOrigin: string, colorScheme: 'light' | 'dark' = 'light'): Promise<TestBrowser> => {
  const browser: Browser = await chromium.launch({ executablePath: findChromium(), args: FLAGS, timeout: PATIENCE_MS });
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, colorScheme });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol !== 'data:' && url.origin !== ownOrigin) complaints.push(`request to ${url.origin}`);
  });
  return {
    page,
    complaints,
    async [Symbol.asyncDispose]() {
      await browser.close();
    },
  };
};

const findChromium = (): string => {
  const named = process.env.FLAME_CHROMIUM;
  const found = [...(named === undefined ? [] : [named]), ...PROGRAMS].find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new Error('The browser tests need Chromium: `sh scripts/setup.sh --with chromium`, or set FLAME_CHROMIUM');
};
