/**
 * A process dies at each place where it waits for Redis: right before, or right after, the n-th command that it sends. The gate
 * counts the commands, so the product knows nothing of it (fault-testing.md 5.1, R-05).
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEffects } from '@flamejs/queue/testing';
import { afterEach, expect, test } from 'vitest';
import { type CommandGate, type Moment, startCommandGate } from '../support/command-gate.ts';
import { APP_FOLDER, type Fleet, startFleet } from '../support/fleet.ts';
import { startSource } from '../support/processes.ts';
import { bySize } from '../support/tier.ts';
import { settles, waitFor } from '../support/wait-for.ts';
import { type Chaos, expectClean, startChaos } from './harness.ts';
import { keepHouse } from './keep-house.ts';

const pools = { main: { max: 8, maxConcurrency: 2, timeout: '60s' } } as const;
const MOMENTS: readonly Moment[] = ['before', 'after'];
const gates: CommandGate[] = [];
const gate = async (port: number): Promise<CommandGate> => {
  const opened = await startCommandGate(port);
  gates.push(opened);
  return opened;
};
const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  for (const opened of gates.splice(0)) await opened.stop();
});

/** So many runners die at once, each at a place of its own. */
const AT_ONCE = 3;

test('R-05 a runner that dies before or after any command that it sends loses no call and repeats none without reason', {
  timeout: 900_000,
}, async () => {
  const chaos: Chaos = await startChaos({ pools });
  stops.push(() => chaos.stop());
  const { fleet } = chaos;
  const keeper = keepHouse(fleet);
  stops.push(async () => keeper.stop());
  await chaos.startRunners(1);
  const places = Array.from({ length: 30 }, (_, n) => MOMENTS.map((moment) => ({ n: n + 1, moment }))).flat();
  // In a push a few of the first places, others each time; in the night all.
  const some = Array.from({ length: AT_ONCE }, () => chaos.random.pick(places.slice(0, 24)));
  const chosen = bySize({ push: some, nightly: places });
  const deaths: string[] = [];
  const verdict = await chaos.run({ calls: 40 + chosen.length * 30, inFlight: 8, work: [200, 800] }, async () => {
    for (let at = 0; at < chosen.length; at += AT_ONCE) {
      await Promise.all(
        chosen.slice(at, at + AT_ONCE).map(async ({ n, moment }) => {
          const way = await gate(fleet.redis.port);
          const runner = await fleet.runner('main', { FLAME_REDIS_URL: way.url });
          const ended = way.arm(n, moment, () => {
            chaos.note('kill', [runner]);
            runner.process.child.kill('SIGKILL');
          });
          deaths.push(`${moment} ${n}: ${await settles(ended, { what: 'its end' })}`);
          await runner.process.exited;
        }),
      );
    }
  });
  process.stderr.write(`R-05 runners died ${deaths.join(', ')}\n`);
  expectClean(verdict, chaos.seed, 40 + chosen.length * 30);
  expect(verdict.rejected).toEqual([]);
  expect(deaths).toHaveLength(chosen.length);
});

/** Casts one call and says when it was accepted; dies somewhere on the way. */
const CALLER = `
import { createFlame } from '@flamejs/queue';
import config from './flame.config.mjs';
import { work } from './tasks.mjs';
const flame = createFlame(config);
const [log, key] = process.argv.slice(-2);
await new Promise((resolve) => process.once('message', resolve));
const handle = await flame.cast(work, log, key, 20);
console.log('ack', handle.id);
console.log('value', await handle.result());
await flame.close();
process.disconnect();
`;

test('R-05 a caller that dies before or after any command that it sends: what was accepted is executed once, and found again', {
  timeout: 900_000,
}, async () => {
  const env = { FLAME_TEST_APP: JSON.stringify({ failsafeTimeout: '1h' }) };
  const fleet: Fleet = await startFleet({ pools, env });
  stops.push(() => fleet.stop());
  const folder = await mkdtemp(join(tmpdir(), 'flame-points-'));
  stops.push(() => rm(folder, { recursive: true, force: true }));
  const log = join(folder, 'effects');
  await writeFile(log, '');
  await fleet.runner();
  // The first six open the connection; the call itself comes after them.
  const { from, to } = bySize({ push: { from: 7, to: 10 }, nightly: { from: 1, to: 20 } });
  const acked = new Map<string, string>();
  const deaths: string[] = [];

  const dieAt = async (n: number, moment: Moment): Promise<void> => {
    const key = `${moment}-${n}`;
    const way = await gate(fleet.redis.port);
    const caller = await startSource(CALLER, {
      cwd: APP_FOLDER,
      args: [log, key],
      ipc: true,
      env: { ...fleet.env, FLAME_REDIS_URL: way.url },
    });
    const ended = way.arm(n, moment, () => caller.child.kill('SIGKILL'));
    caller.child.send('go');
    // With few commands it may be done before it would have died; that is no failure.
    const name = await settles(Promise.race([ended, caller.exited.then(() => undefined)]), {
      what: key,
      timeoutMs: 60_000,
    });
    await caller.exited;
    deaths.push(`${key}: ${name ?? 'lived'}`);
    const id = /ack (\S+)/.exec(caller.output())?.[1];
    if (id !== undefined) acked.set(key, id);
  };

  for (let n = from; n <= to; n += 2)
    await Promise.all([n, n + 1].flatMap((at) => MOMENTS.map((moment) => dieAt(at, moment))));
  process.stderr.write(`R-05 callers died ${deaths.join(', ')}\n`);
  expect(deaths.filter((death) => !death.endsWith('lived')).length).toBeGreaterThan(deaths.length / 2);
  for (const [key, id] of acked) {
    expect(await settles(fleet.flame.attach(id).result(), { what: `the call ${key}` })).toBe(`done ${key}`);
  }
  // What was not acknowledged may have been accepted all the same. Nothing is executed twice.
  await waitFor(async () => (await fleet.client.llen(`${fleet.keys().queue}wait`)) === 0, {
    what: 'the queue to empty',
  });
  await waitFor(async () => (await fleet.client.llen(`${fleet.keys().queue}active`)) === 0, {
    what: 'the runner to idle',
  });
  const starts = parseEffects(await readFile(log, 'utf8')).filter(({ type }) => type === 'start');
  expect(new Set(starts.map(({ key }) => key)).size).toBe(starts.length);
});
