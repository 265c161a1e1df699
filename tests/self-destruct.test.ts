/** Runners whose autoscaler is gone for good end themselves, and their machines with them. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { startFlame } from './cli/flame.ts';
import { startFleet, tasks } from './support/fleet.ts';
import { bySize } from './support/tier.ts';
import { settles, waitFor } from './support/wait-for.ts';

/** `heartbeatTimeout`; the bound of the guarantee is this and ten seconds. */
const TIMEOUT_MS = 4_000;

const folder = mkdtempSync(join(tmpdir(), 'flame-end-'));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const ways = bySize<readonly ('SIGKILL' | 'SIGSTOP')[]>({ push: ['SIGKILL'], nightly: ['SIGKILL', 'SIGSTOP'] });

test.each(ways)(
  'I13 R-36 after %s of the only autoscaler an idle runner ends within its timeout, a busy one after its call, each ends its machine once',
  async (way) => {
    await using fleet = await startFleet({
      // Runners that nobody has launched here, but that believe so: their autoscaler keeps no other.
      pools: { main: { min: 0, max: 1, maxConcurrency: 1, timeout: '60s', idleShutdownAfter: '1h' } },
      app: { heartbeatTimeout: TIMEOUT_MS, failsafeTimeout: '60s' },
      env: { FLAME_TEST_APP: JSON.stringify({ heartbeatTimeout: TIMEOUT_MS, failsafeTimeout: '60s' }) },
    });
    await using autoscaler = await startFlame(['autoscaler'], { env: fleet.env });
    const started = [0, 1].map((i) => join(folder, `${way}-${i}`));
    const [idle, busy] = await Promise.all(
      started.map((file) => fleet.runner('main', { FLAME_END_MACHINE: `echo ended >> ${file}` })),
    );
    if (idle === undefined || busy === undefined) throw new Error('two runners were to be started');
    // One of the two takes it.
    const call = fleet.flame.call(tasks.wait, TIMEOUT_MS + 6_000, 'finished');
    const records = async () => Promise.all([idle.record(), busy.record()]);
    await waitFor(async () => (await records()).some((record) => record?.active === 1), { what: 'the call to run' });
    const [first] = await records();
    const [resting, working] = first?.active === 1 ? [busy, idle] : [idle, busy];
    // Both have heard at least two heartbeats of the autoscaler.
    const beats = new Set<string | null>();
    await waitFor(
      async () => {
        beats.add(await fleet.client.get(`{flame:${fleet.config.app}}:heartbeat`));
        return beats.size > 3;
      },
      { what: 'heartbeats', found: () => autoscaler.output().slice(-2_000) },
    );

    autoscaler.signal(way);
    const at = performance.now();
    await settles(resting.process.exited, { what: 'the end of the idle runner', timeoutMs: TIMEOUT_MS + 10_000 });
    const tookMs = performance.now() - at;
    // It did not end for another reason before.
    expect(tookMs).toBeGreaterThan(TIMEOUT_MS / 2);
    expect(working.process.alive()).toBe(true);
    expect(await call).toBe('finished');
    await settles(working.process.exited, { what: 'the end of the busy runner', timeoutMs: TIMEOUT_MS + 10_000 });
    expect((await resting.record())?.reason).toBe('heartbeat');
    expect((await working.record())?.reason).toBe('heartbeat');
    await waitFor(() => started.every((file) => existsSync(file)), { what: 'both machines to be ended' });
    for (const file of started) expect(readFileSync(file, 'utf8')).toBe('ended\n');
    if (way === 'SIGSTOP') autoscaler.signal('SIGCONT');
  },
);
