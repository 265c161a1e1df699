/**
 * F34: no call starts after a drain was acknowledged. Many rounds of calls racing with drains on the runner's own parts,
 * with executors that only count, and some rounds on real runners.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, createRedisStore, createVault, type RedisClient, whenReady } from '@flamejs/protocol';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bySize } from '../../../tests/support/tier.ts';
import { settles, waitFor } from '../../../tests/support/wait-for.ts';
import { createCallLoop } from '../src/call-loop.ts';
import { createCallProcessor } from '../src/call-processor.ts';
import { createDrain } from '../src/drain.ts';
import type { ExecutorPool } from '../src/executor/index.ts';
import { createHeldCalls } from '../src/held-call.ts';
import { createSoloGate } from '../src/solo-gate.ts';
import { createWorkSignal } from '../src/work-signal.ts';
import { linesOf, POOL, type Stage, startStage } from './support.ts';

let stage: Stage;
let clients: RedisClient[];
beforeAll(async () => {
  stage = await startStage();
  clients = ['commands', 'wait'].map((name) =>
    connect({ kind: 'single', url: stage.redis.url, options: {} }, 'steady', name),
  );
  for (const client of clients) {
    client.on('error', () => undefined);
    await whenReady(client, 10_000);
  }
});
afterAll(async () => {
  for (const client of clients) client.disconnect();
  await stage.stop();
});

/** Counts what starts, and when; each execution lasts a moment. */
const countingExecutors = (starts: Map<string, number[]>): ExecutorPool => ({
  size: 3,
  active: 0,
  modulesFailed: false,
  pids: [],
  start: async () => undefined,
  close: async () => undefined,
  drain: () => undefined,
  execute({ callId }) {
    starts.set(callId, [...(starts.get(callId) ?? []), performance.now()]);
    const result = new Promise<{ kind: 'returned'; frame: Uint8Array }>((resolve) => {
      setTimeout(() => resolve({ kind: 'returned', frame: Buffer.from('null') }), Math.random() * 8);
    });
    return { result, started: true, cancel: () => undefined, abandon: () => undefined };
  },
});

const runnerParts = (name: string, starts: Map<string, number[]>) => {
  const [client, wait] = clients;
  if (client === undefined || wait === undefined) throw new Error('no connections');
  const blocking: RedisClient = (wait as Redis).duplicate();
  blocking.on('error', () => undefined);
  const calls = createHeldCalls();
  const logger = pino({ level: 'silent' });
  let drainedAt = Number.POSITIVE_INFINITY;
  const loop = createCallLoop({
    store: createRedisStore(client, stage.keys),
    taker: { runnerId: name, release: 'r' },
    slots: 3,
    signal: createWorkSignal(client, blocking, stage.keys),
    onError: () => undefined,
    process: (call) => processCall(call),
    recoverStalled: async () => undefined,
    canOffer: () => false,
    putBackStrays: async () => undefined,
  });
  loop.widen(3);
  const drain = createDrain({
    loop: () => loop,
    calls,
    report: async () => true,
    connected: () => true,
    onChange: (change) => {
      if (change === 'drained') drainedAt = performance.now();
    },
  });
  const processCall: ReturnType<typeof createCallProcessor> = createCallProcessor({
    app: 'fixture',
    pool: { name: POOL, killGraceMs: 0, payloadLimit: 1_000 } as never,
    keys: stage.keys,
    runnerId: name,
    release: 'r',
    signingKey: undefined,
    signatures: { signatureTtlMs: 1_000_000, required: false },
    encryptionKeys: [],
    vault: createVault({ app: 'fixture', payload: [] }),
    client,
    holds: loop.has,
    executors: countingExecutors(starts),
    calls,
    settleDoubt: () => undefined,
    onEnd: () => undefined,
    gate: createSoloGate(() => undefined),
    logger,
    isClosed: () => loop.isHeld('drain'),
    onStart: () => undefined,
    meter: { pickedUp: () => ({ begun: () => {}, stopped: () => {}, ended: () => {} }) },
    telemetry: undefined,
    onBootFailed: () => undefined,
    onStale: () => {},
    nested: undefined,
    streams: { open: () => undefined, look: () => undefined },
  });
  return {
    loop,
    drain,
    drainedAt: () => drainedAt,
    async close() {
      loop.close();
      blocking.disconnect();
    },
  };
};

test('F34 no call starts after the acknowledgement, and none is lost or run twice, in any of the rounds', async () => {
  const rounds = bySize({ push: 100, nightly: 1_000 });
  const starts = new Map<string, number[]>();
  const ids: string[] = [];
  const cast = async (): Promise<void> => {
    ids.push((await stage.cast(stage.tasks.echo)).id);
  };
  for (let round = 0; round < rounds; round += 1) {
    const parts = runnerParts(`round-${round}`, starts);
    parts.loop.start();
    // Sometimes idle, sometimes under load when the order comes.
    const before = Array.from({ length: round % 5 }, cast);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 15));
    const during = Array.from({ length: 3 }, cast);
    parts.drain.onOrder({ generation: round + 1, reason: 'race' });
    const after = Array.from({ length: 3 }, cast);
    await settles(parts.drain.done, { what: 'the drain', timeoutMs: 20_000 });
    const acknowledgedAt = parts.drainedAt();
    await Promise.all([...before, ...during, ...after]);
    await cast();
    await parts.close();
    for (const times of starts.values()) for (const at of times) expect(at).toBeLessThanOrEqual(acknowledgedAt);
    expect(await stage.client.llen(`${stage.keys.queue}active`)).toBe(0);
    for (const times of starts.values()) times.fill(0);
  }
  const last = runnerParts('last', starts);
  last.loop.start();
  await waitFor(() => starts.size === ids.length, { what: 'the rest to run', timeoutMs: 30_000 });
  last.drain.begin('the end');
  await last.drain.done;
  await last.close();
  expect([...starts.values()].every((times) => times.length === 1)).toBe(true);
  expect(await stage.client.zcard(`${stage.keys.queue}completed`)).toBe(ids.length);
}, 300_000);

test('F34 the same on real runners', async () => {
  await stage.client.flushall();
  const rounds = bySize({ push: 3, nightly: 30 });
  for (let round = 1; round <= rounds; round += 1) {
    const runner = await stage.startRunner();
    const file = join(stage.folder, `race-${round}`);
    const starts = () => (existsSync(file) ? linesOf(readFileSync(file, 'utf8')).filter((l) => l.startsWith('s')) : []);
    const handles = Array.from({ length: 10 }, () => stage.cast(stage.tasks.effect, file, 20));
    await Promise.all(handles.slice(0, 3));
    await stage.client.hset(stage.keys.runner(runner.runnerId), { drain: round, drainReason: 'race' });
    const hint = { type: 'drain', runnerId: runner.runnerId, generation: round };
    await stage.client.publish(stage.keys.control, JSON.stringify(hint));
    await waitFor(async () => (await runner.record()).ackedDrain === String(round), { what: 'it', timeoutMs: 20_000 });
    const before = starts().length;
    await Promise.all([...handles, ...Array.from({ length: 10 }, () => stage.cast(stage.tasks.effect, file))]);
    expect((await settles(runner.exited, { what: 'the runner to end' })).code).toBe(0);
    expect(starts()).toHaveLength(before);
    expect(await stage.client.llen(`${stage.keys.queue}active`)).toBe(0);
    await stage.client.del(`${stage.keys.queue}wait`);
  }
}, 120_000);
