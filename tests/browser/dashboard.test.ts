import { fileURLToPath } from 'node:url';
import { createDashboard, type Dashboard } from '@flamejs/dashboard';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fleet, startFleet, tasks } from '../support/fleet.ts';
import { settles, waitFor } from '../support/wait-for.ts';
import { openBrowser } from './chromium.ts';

const PATIENT_MS = 240_000;
const HOSTILE = '<img src=x onerror="window.hacked=1">';

let fleet: Fleet;
let dashboard: Dashboard;
let origin: string;

beforeAll(async () => {
  const env = { FLAME_TEST_APP: JSON.stringify({ failsafeTimeout: '1h', heartbeatTimeout: '1h' }) };
  const pools = { main: { max: 3, maxConcurrency: 2, idleShutdownAfter: '2s' }, inner: { max: 5 } };
  fleet = await startFleet({ pools, env });
  dashboard = createDashboard(fleet.config, { port: 0, logger: pino({ level: 'silent' }) });
  await dashboard.start();
  origin = new URL(dashboard.url).origin;
}, PATIENT_MS);
afterAll(async () => {
  await dashboard.stop();
  await fleet.stop();
}, PATIENT_MS);

/** Pictures of the documentation are taken where they are asked for: a test run leaves the working tree alone. */
const picture = (name: string): { path: string } | undefined =>
  process.env.FLAME_PICTURES === undefined
    ? undefined
    : { path: fileURLToPath(new URL(`../../docs/images/${name}.png`, import.meta.url)) };

test(
  'the pools page shows a pool going from no runner to some and back',
  async () => {
    await using browser = await openBrowser(origin);
    const { page } = browser;
    await page.goto(dashboard.url);
    const card = page.locator('[data-pool="main"]');
    const squares = (kind: string): Promise<number> => card.locator(`.slot.${kind}`).count();
    await waitFor(async () => (await card.innerText()).includes('0 of at most 3 runners'), {
      what: 'no runner',
      timeoutMs: 40_000,
    });

    await fleet.autoscaler();
    const calls = Array.from({ length: 9 }, () => fleet.flame.call(tasks.wait, 4_000, 'done'));
    await waitFor(async () => (await squares('busy')) > 0, {
      what: 'a busy runner on the page',
      timeoutMs: 90_000,
      found: () => card.innerText(),
    });
    const shot = picture('pools');
    if (shot !== undefined) await page.screenshot(shot);
    expect(await settles(Promise.all(calls), { what: 'the calls', timeoutMs: 90_000 })).toEqual(
      calls.map(() => 'done'),
    );
    await waitFor(async () => (await card.innerText()).includes('0 of at most 3 runners'), {
      what: 'no runner again',
      timeoutMs: 90_000,
      found: () => card.innerText(),
    });
    const events = await page.locator('table').innerText();
    for (const words of ['runner requested', 'runner ready', 'runner gone']) expect(events).toContain(words);
    await page.goto(`${origin}/pools/main`);
    await page.locator('.chart path').first().waitFor();
    const one = picture('pool');
    if (one !== undefined) await page.screenshot({ ...one, fullPage: true });
    expect(browser.complaints).toEqual([]);
  },
  PATIENT_MS,
);

test(
  'P16 a failed call is found in Bull Board, its error read, retried, and attach(id).result() gets the new outcome',
  async () => {
    const file = `${fleet.redis.folder}/flaky`;
    const handle = await fleet.flame.cast(tasks.failRichly);
    await expect(handle.result()).rejects.toThrow('no such order');

    await using browser = await openBrowser(origin);
    const { page } = browser;
    await page.goto(`${origin}/queues/queue/main?status=failed`);
    await page.getByText('OrderError: no such order').first().waitFor();
    expect(await page.content()).toContain('failRichly');
    const shot = picture('bull-board');
    if (shot !== undefined) await page.screenshot(shot);
    await page.goto(`${origin}/queues/queue/main/${handle.id}`);
    await page.getByRole('button', { name: 'Retry', exact: true }).first().click();
    await waitFor(async () => (await handle.status()).generation === 2, {
      what: 'a second generation',
      timeoutMs: 40_000,
      found: () => page.locator('body').innerText(),
    });
    await expect(
      settles(fleet.flame.attach(handle.id).result(), { what: 'the new outcome', timeoutMs: 90_000 }),
    ).rejects.toThrow('no such order');
    expect((await handle.status()).attempts).toBe(1);
    expect(file).toContain('flaky');
    expect(browser.complaints).toEqual([]);
  },
  PATIENT_MS,
);

test(
  'the page of a call shows its error, and its buttons act',
  async () => {
    const handle = await fleet.flame.cast(tasks.fail, HOSTILE);
    await expect(handle.result()).rejects.toThrow();
    await using browser = await openBrowser(origin, 'dark');
    const { page } = browser;
    await page.goto(`${origin}/calls/${handle.id}`);
    await page.locator('#outcome .error-message').waitFor();
    expect(await page.locator('#outcome').innerText()).toContain(HOSTILE);
    expect(await page.locator('#outcome pre').innerText()).toContain('tasks.mjs');
    expect(await page.locator('#arguments').innerText()).toContain('onerror');
    const shot = picture('call');
    if (shot !== undefined) {
      // Where this repository lies is nobody's business.
      const root = fileURLToPath(new URL('../../', import.meta.url));
      const hide = `for (const pre of document.querySelectorAll('pre')) pre.textContent = pre.textContent.replaceAll(${JSON.stringify(root)}, '/app/')`;
      await page.evaluate(hide);
      await page.screenshot(shot);
    }
    await page.getByRole('button', { name: 'Retry' }).click();
    await page.getByText('It runs again, with fresh attempts').waitFor();
    await waitFor(async () => (await handle.status()).generation === 2, { what: 'a second generation' });
    await page.goto(`${origin}/calls?state=failed`);
    await page.locator('table').waitFor();
    const list = picture('calls');
    if (list !== undefined) await page.screenshot(list);
    // The texts above were drawn on three pages; had one of them been markup, its handler would have run.
    expect(await page.evaluate('window.hacked')).toBeUndefined();
    expect(browser.complaints).toEqual([]);
  },
  PATIENT_MS,
);
