/** Growing and shrinking twice a second while calls run: nobody busy is ended, and no call is lost. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startFleet, tasks } from '../support/fleet.ts';
import { bySize } from '../support/tier.ts';

const CALLS = bySize({ push: 150, nightly: 5_000 });

test(`R-40 I3 ${CALLS} calls while the wanted number of runners changes each 500 ms: none is lost, none runs twice, no busy runner is ended`, async () => {
  await using fleet = await startFleet({
    pools: {
      main: { min: 0, max: 5, maxConcurrency: 2, timeout: '30s', idleShutdownAfter: '500ms', scaleDownWindow: 0 },
    },
  });
  await fleet.autoscaler();
  const folder = mkdtempSync(join(tmpdir(), 'flame-storm-'));
  const file = join(folder, 'effects');
  let storming = true;
  const storm = (async () => {
    for (let round = 0; storming; round += 1) {
      // Mostly between one and max; now and then none is wanted at all.
      const desired = [4, 1, 5, 2, 0, 3][round % 6] ?? 0;
      const override = JSON.stringify({ desired, until: Date.now() + 60_000 });
      await fleet.client.hset(fleet.keys().settings, { override, by: 'the storm', at: String(Date.now()) });
      await fleet.client.publish(`{flame:${fleet.config.app}}:kick`, 'main');
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  })();
  const jobs = Array.from({ length: CALLS }, (_, i) => i);
  try {
    const results = await Promise.allSettled(
      jobs.map((i) => fleet.flame.call(tasks.effect.with({ queueTimeout: '10m' }), file, 20 + (i % 10) * 30, i)),
    );
    expect(results).toEqual(jobs.map((value) => ({ status: 'fulfilled', value })));
  } finally {
    storming = false;
    await storm;
  }
  // A call whose runner was ended under it would have begun twice. One that was handed back before it began is free.
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  for (const word of ['start', 'end']) {
    const calls = lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.split(' ')[1]);
    expect([word, calls.length, new Set(calls).size]).toEqual([word, CALLS, CALLS]);
  }
  const entries = await fleet.client.xrange(fleet.keys().events, '-', '+');
  const types = entries.map(([, fields]) => fields[fields.indexOf('type') + 1]);
  expect(types).not.toContain('runner.lost');
  // It was a storm.
  expect(types.filter((type) => type === 'runner.draining').length).toBeGreaterThan(3);
  rmSync(folder, { recursive: true, force: true });
}, 600_000);
