import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appKeys } from '@flamejs/protocol';
import { expect, test } from 'vitest';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { startApp } from './support/app.ts';

const folder = await mkdtemp(join(tmpdir(), 'flame-boots-'));

test('F05 failed boots are retried with backoff, N as N, and the retry serves', async () => {
  const startsFile = join(folder, 'starts-f05');
  const failUnless = join(folder, 'fixed-f05');
  await using app = await startApp({ max: 3, fixture: { startsFile, failUnless } });
  await app.autoscaler.start();
  await app.enqueue(15);
  await waitFor(async () => (await app.events()).filter(({ type }) => type === 'runner.failed').length >= 3, {
    what: 'three failed boots',
    found: app.events,
  });
  writeFileSync(failUnless, '');
  await app.waitForReady(3, 20_000);
  const starts = readFileSync(startsFile, 'utf8').trim().split('\n');
  expect(new Set(starts).size).toBe(starts.length);
});

test('F06 P24 AS-20 a boot that keeps failing opens the breaker; its reason is in the registry, launches are a handful', async () => {
  const startsFile = join(folder, 'starts-p24');
  await using app = await startApp({ max: 2, fixture: { startsFile, failUnless: '/nowhere' } });
  await app.autoscaler.start();
  await app.enqueue(10);
  const status = async () =>
    JSON.parse((await app.client.hget(appKeys(app.config.prefix, app.config.app).pools, 'work')) ?? '{}');
  await waitFor(async () => (await status()).breaker?.open === true, { what: 'the breaker to open', found: status });
  const opened = await status();
  expect(opened.bootFailure).toMatch(/exited with code 7[\s\S]*the image is broken/);
  expect(opened.blocked).toMatch(/runners keep failing to boot/);
  expect(opened.ready).toBe(0);
  const count = () => readFileSync(startsFile, 'utf8').trim().split('\n').length;
  const atOpening = count();
  expect(atOpening).toBeLessThanOrEqual(4);
  // One probe only, although ten calls wait and two runners are allowed.
  await waitFor(() => count() > atOpening, { what: 'the probe' });
  expect(count()).toBe(atOpening + 1);
  expect((await app.events()).some(({ type }) => type === 'breaker.opened')).toBe(true);
});

test('P25 AS-13 an instance that never registers is ended at its boot timeout and never counted as capacity after it', async () => {
  await using app = await startApp({ max: 1, bootTimeout: '4s', fixture: { never: true } });
  await app.autoscaler.start();
  await app.enqueue(1);
  await waitFor(async () => (await app.events()).some(({ type }) => type === 'runner.terminated'), {
    what: 'the end of the first runner',
    found: app.events,
  });
  const failure = (await app.events()).find(({ type }) => type === 'runner.failed');
  expect(failure?.reason).toContain('did not become ready within 4000 ms');
});
