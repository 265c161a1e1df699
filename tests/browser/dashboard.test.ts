import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tuner } from '@flamejs/autoscaler/tuning';
import { createDashboard, type Dashboard } from '@flamejs/dashboard';
import { pino } from 'pino';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fleet, startFleet, tasks } from '../support/fleet.ts';
import { settles, waitFor } from '../support/wait-for.ts';
import { openBrowser } from './chromium.ts';

/** A browser beside runners, on a machine that others share. */
const PATIENCE = { timeout: 240_000 };
const HOSTILE = '<img src=x onerror="window.hacked=1">';

let fleet: Fleet;
let dashboard: Dashboard;
let origin: string;

beforeAll(async () => {
  const env = { FLAME_TEST_APP: JSON.stringify({ failsafeTimeout: '1h', heartbeatTimeout: '1h' }) };
  const pools = { main: { max: 3, maxConcurrency: 2, idleShutdownAfter: '2s' }, inner: { max: 5 } } as const;
  fleet = await startFleet({ pools, env });
  dashboard = createDashboard(fleet.config, { port: 0, tuner, logger: pino({ level: 'silent' }) });
  await dashboard.start();
  origin = new URL(dashboard.url).origin;
}, PATIENCE.timeout);
afterAll(async () => {
  await dashboard.stop();
  await fleet.stop();
}, PATIENCE.timeout);

/** Pictures of the documentation are taken where they are asked for: a test run leaves the working tree alone. */
const takePicture = async (page: Page, name: string, fullPage = false): Promise<void> => {
  if (process.env.FLAME_PICTURES === undefined) return;
  const path = fileURLToPath(new URL(`../../docs/images/${name}.png`, import.meta.url));
  await page.screenshot({ path, fullPage });
};

/** Stacks in pictures name no folder of the machine that took them. */
const hideRoot = async (page: Page): Promise<void> => {
  if (process.env.FLAME_PICTURES === undefined) return;
  const root = fileURLToPath(new URL('../../', import.meta.url));
  await page.route('**/api/calls/*/outcome*', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replaceAll(root, '/srv/shop/') });
  });
};

const textOf = async (locator: Locator): Promise<string> => (await locator.textContent()) ?? '';

test('the pools page shows a pool going from no runner to some and back', PATIENCE, async () => {
  await using browser = await openBrowser(origin);
  const { page } = browser;
  await page.goto(dashboard.url);
  const card = page.locator('[data-pool="main"]');
  const found = (): Promise<string> => textOf(card);
  const shows = async (text: string): Promise<boolean> => (await textOf(card)).includes(text);
  const none = '0 of at most 3 runners';
  await waitFor(() => shows(none), { what: 'no runner', found });

  await fleet.autoscaler();
  const calls = Array.from({ length: 9 }, () => fleet.flame.call(tasks.wait, 4_000, 'done'));
  const busy = async (): Promise<boolean> => (await card.locator('.slot.busy').count()) > 0;
  await waitFor(busy, { what: 'a busy runner on the page', timeoutMs: 90_000, found });
  await page.getByText('runner ready').first().waitFor();
  await takePicture(page, 'pools');
  const values = await settles(Promise.all(calls), { what: 'the calls', timeoutMs: 90_000 });
  expect(values).toEqual(calls.map(() => 'done'));
  await waitFor(() => shows(none), { what: 'no runner again', timeoutMs: 90_000, found });
  await page.getByText('runner gone').first().waitFor();

  await page.goto(`${origin}/pools/main`);
  await page.locator('flame-chart canvas').first().waitFor();
  await takePicture(page, 'pool', true);
  expect(browser.complaints).toEqual([]);
});

test(
  'P16 a failed call is found in Bull Board, its error read, retried, and attach(id).result() gets the new outcome',
  PATIENCE,
  async () => {
    const file = join(fleet.redis.folder, 'paper');
    const handle = await fleet.flame.cast(tasks.failUntil, file, 'the printer has no paper');
    await expect(handle.result()).rejects.toThrow('no paper');

    await using browser = await openBrowser(origin);
    const { page } = browser;
    await page.goto(`${origin}/queues/queue/main?status=failed`);
    await page.getByText('the printer has no paper').first().waitFor();
    await page.getByText('failUntil').first().waitFor();
    await takePicture(page, 'bull-board');

    await writeFile(file, '');
    await page.goto(`${origin}/queues/queue/main/${handle.id}`);
    await page.locator('button:has(.lucide-refresh-cw)').first().click();
    await page.getByRole('button', { name: 'Confirm' }).click();
    await waitFor(async () => (await handle.status()).generation === 2, {
      what: 'a second generation',
      found: () => textOf(page.locator('body')),
    });
    const result = fleet.flame.attach(handle.id).result();
    expect(await settles(result, { what: 'the new outcome', timeoutMs: 90_000 })).toBe('repaired');
    expect(browser.complaints).toEqual([]);
  },
);

test('the page of a call shows its error, and its buttons act', PATIENCE, async () => {
  const handle = await fleet.flame.cast(tasks.fail, HOSTILE);
  await expect(handle.result()).rejects.toThrow();
  await using browser = await openBrowser(origin, 'dark');
  const { page } = browser;
  await hideRoot(page);
  await page.goto(`${origin}/calls/${handle.id}`);
  await page.locator('#outcome .error-message').waitFor();
  expect(await textOf(page.locator('#outcome'))).toContain(HOSTILE);
  expect(await textOf(page.locator('#outcome pre'))).toContain('tasks.mjs');
  expect(await textOf(page.locator('#arguments'))).toContain('onerror');
  await takePicture(page, 'call');

  await page.getByRole('button', { name: 'Retry' }).click();
  await page.getByText('It runs again, with fresh attempts').waitFor();
  await waitFor(async () => (await handle.status()).generation === 2, { what: 'a second generation' });
  await expect(handle.result()).rejects.toThrow();
  await page.goto(`${origin}/calls?state=failed`);
  await page.locator('td.cut').first().waitFor();
  await takePicture(page, 'calls');
  // The texts above were drawn on two pages; had one of them been markup, its handler would have run.
  expect(await page.evaluate('window.hacked')).toBeUndefined();
  expect(browser.complaints).toEqual([]);
});

test('the page that tunes a pool tries settings on its past, applies them and takes them back', PATIENCE, async () => {
  const { client } = fleet;
  const start = Date.now() - 60_000;
  for (let second = 0; second <= 60; second += 1) {
    const busy = second >= 10 && second < 20;
    const load = { waiting: busy ? 8 : 0, active: busy ? 2 : 0, ready: busy ? 1 : 0, useful: busy ? 1 : 0 };
    await client.xadd(fleet.keys('inner').history, '*', 'at', start + second * 1_000, ...Object.entries(load).flat());
  }
  await using browser = await openBrowser(origin);
  const { page } = browser;
  await page.goto(`${origin}/pools/inner`);
  await page.getByRole('link', { name: 'Tune' }).click();
  const inForce = page.locator('.facts');
  const shows = (text: string) => async (): Promise<boolean> => (await textOf(inForce)).includes(text);
  await waitFor(shows('0 to 5'), { what: 'the settings in force', found: () => textOf(inForce) });

  await page.getByLabel('At most (runners)').fill('2');
  await page.getByLabel('Policy').selectOption('queueDepth');
  await page.getByLabel('Its options (JSON)').fill('{"callsPerRunner": 2}');
  await page.getByRole('button', { name: 'Try on the last hour' }).click();
  await page.locator('#tried flame-chart canvas').waitFor({ timeout: 30_000 });
  // What was, simulated as it is, and what would have been with at most two.
  const [, most, launches] = await page.locator('#tried .compare tbody tr').allTextContents();
  expect([most, launches]).toEqual([
    expect.stringMatching(/^most runners1\d2$/),
    expect.stringMatching(/^launches1\d+2$/),
  ]);
  await takePicture(page, 'tune', true);

  // What somebody types stays, although the page is drawn anew while they do.
  await page.waitForTimeout(6_000);
  expect(await page.getByLabel('At most (runners)').inputValue()).toBe('2');
  await page.getByRole('button', { name: 'Apply' }).click();
  await waitFor(shows('0 to 2'), { what: 'the change', found: () => textOf(inForce) });
  expect(await client.hgetall(fleet.keys('inner').settings)).toMatchObject({
    max: '2',
    policy: '{"name":"queueDepth","options":{"callsPerRunner":2}}',
    by: 'dashboard',
  });

  await page.getByLabel('At least (runners)').fill('9');
  await page.getByRole('button', { name: 'Apply' }).click();
  await page.getByText('min 9 is larger than max 2').waitFor({ timeout: 30_000 });
  page.on('dialog', (dialog) => void dialog.accept());
  await page.getByRole('button', { name: 'Back to the config' }).click();
  await waitFor(shows('0 to 5'), { what: 'the config', found: () => textOf(inForce) });
});

test(
  'axe finds nothing serious on any page, light and dark; on a phone nothing scrolls sideways',
  PATIENCE,
  async () => {
    const handle = await fleet.flame.cast(tasks.fail, `the disk is full, ${'and '.repeat(40)}full`);
    await expect(handle.result()).rejects.toThrow();
    const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    const pages = ['pools', 'pools/main', 'pools/main/tune', 'calls?state=failed', `calls/${handle.id}`];
    for (const scheme of ['light', 'dark'] as const) {
      await using browser = await openBrowser(origin, scheme);
      const { page } = browser;
      for (const path of pages) {
        await page.setViewportSize({ width: 1280, height: 860 });
        await page.goto(`${origin}/${path}`);
        await waitFor(() => page.locator('h1').isVisible(), {
          what: `the heading of ${path}`,
          found: async () => [browser.complaints, await page.locator('body').innerText()],
        });
        await page.evaluate(axe);
        const { violations } = (await page.evaluate('axe.run()')) as {
          violations: { id: string; impact: string; nodes: { html: string }[] }[];
        };
        const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
        expect(serious.map(({ id, nodes }) => `${path} ${scheme} ${id}: ${nodes[0]?.html}`)).toEqual([]);
        await page.setViewportSize({ width: 390, height: 780 });
        const over = (): Promise<number> => page.evaluate('document.documentElement.scrollWidth - innerWidth');
        await waitFor(async () => (await over()) <= 0, {
          what: `${path} fits a phone`,
          found: async () => `${await over()} px over`,
        });
      }
      // the reason of a failed call is in sight without scrolling.
      await page.goto(`${origin}/calls?state=failed`);
      const reason = page.locator('td.cut').first();
      await reason.waitFor();
      await takePicture(page, 'phone');
      const { x, width } = (await reason.boundingBox()) ?? { x: Number.NaN, width: 0 };
      expect([x >= 0, x + width <= 390]).toEqual([true, true]);
      expect(await textOf(reason)).toContain('the disk is full');
      expect(browser.complaints).toEqual([]);
    }
  },
);
