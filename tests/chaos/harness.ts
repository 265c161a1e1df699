/**
 * A fleet under load and faults, and its verdict. Callers keep a ledger, functions append to a log, the store is read
 * afterwards, and every fault is written down with the processes that it touched.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseHead } from '@flamejs/protocol';
import type { Flame } from '@flamejs/queue';
import {
  type Commit,
  check,
  type Effect,
  type Fault,
  type LedgerEntry,
  NEVER,
  parseEffects,
  type Verdict,
} from '@flamejs/queue/testing';
import { expect } from 'vitest';
import { type Fleet, type FleetOptions, type RunnerProcess, startFleet, tasks } from '../support/fleet.ts';
import { executorsOf } from '../support/processes.ts';
import { waitFor } from '../support/wait-for.ts';
import { type Random, runSeed, seeded } from './random.ts';

export interface LoadOptions {
  /** How many; at least so many, when they are to last for a time. */
  readonly calls: number;
  /** Makes calls for so long. */
  readonly forMs?: number;
  readonly inFlight: number;
  /** Milliseconds of work of one call, from and to. */
  readonly work: readonly [number, number];
  /** Options of every call. */
  readonly options?: Parameters<typeof tasks.work.with>[0];
  /** Who makes the calls; a caller of the fleet's unless given. */
  readonly flame?: Flame;
  /** How long after the last fault everything must have settled. */
  readonly settleMs?: number;
}

export interface Noted {
  over(): void;
  /** Calls that it touched, whatever became of their executors. */
  touched(callIds: readonly string[]): void;
}

export interface Chaos {
  readonly fleet: Fleet;
  readonly seed: number;
  readonly random: Random;
  /** Those that serve now; tests replace what they have ended. */
  readonly runners: RunnerProcess[];
  /** What callers saw. */
  readonly ledger: readonly LedgerEntry[];
  /** What functions did, and what is stored, as of the last run. */
  readonly effects: readonly Effect[];
  readonly commits: readonly Commit[];
  /** Starts runners, which `killRunner` can replace. */
  startRunners(count: number, env?: Readonly<Record<string, string>>): Promise<void>;
  /** SIGKILLs a whole runner; its executors notice by themselves. Starts another one in its place. */
  killRunner(index: number): Promise<void>;
  /** Writes a fault down. `touching` names the runners whose executors it touched; all when left out. */
  note(kind: string, touching?: readonly RunnerProcess[]): Noted;
  /** Makes the calls while `faults` runs; stops it when they have all settled. */
  run(load: LoadOptions, faults?: (stop: AbortSignal) => Promise<void>): Promise<Verdict>;
  stop(): Promise<void>;
}

const SETTLE_MS = 90_000;

export const startChaos = async (options: FleetOptions = {}): Promise<Chaos> => {
  // There is no autoscaler whose heartbeats would keep runners; without this they end after a minute.
  const alone = { FLAME_TEST_APP: JSON.stringify({ failsafeTimeout: '1h' }) };
  const fleet = await startFleet({ ...options, env: { ...alone, ...options.env } });
  const seed = runSeed();
  const random = seeded(seed);
  const folder = await mkdtemp(join(tmpdir(), 'flame-chaos-'));
  const log = join(folder, 'effects');
  await writeFile(log, '');
  const runners: RunnerProcess[] = [];
  const faults: Fault[] = [];
  const ledger: LedgerEntry[] = [];
  let effects: readonly Effect[] = [];
  let commits: readonly Commit[] = [];
  const replacements = new Set<Promise<void>>();

  const note: Chaos['note'] = (kind, touching) => {
    const at = Date.now();
    const index =
      faults.push({
        kind,
        at,
        ...(touching === undefined ? {} : { pids: touching.flatMap(({ process }) => executorsOf(process.pid)) }),
      }) - 1;
    return {
      over() {
        faults[index] = { ...(faults[index] as Fault), until: Date.now() };
      },
      touched(callIds) {
        faults[index] = { ...(faults[index] as Fault), callIds };
      },
    };
  };

  const makeCall = async (
    flame: Flame,
    key: string,
    { work, options: callOptions = {} }: LoadOptions,
  ): Promise<void> => {
    const fn = tasks.work.with(callOptions);
    const args = [log, key, random.between(work[0], work[1])] as const;
    ledger.push({ type: 'invoke', key, at: Date.now() });
    try {
      // Both ways to wait: the promise of a call, and a handle's result.
      let value: unknown;
      if (random.next() < 0.5) value = await flame.call(fn, ...args);
      else {
        const handle = await flame.cast(fn, ...args);
        ledger.push({ type: 'ack', key, at: Date.now(), callId: handle.id });
        value = await handle.result();
      }
      ledger.push({ type: 'settle', key, at: Date.now(), ok: true, value });
    } catch (error) {
      ledger.push({ type: 'settle', key, at: Date.now(), ok: false, error });
    }
  };

  return {
    fleet,
    seed,
    random,
    runners,
    ledger,
    get effects() {
      return effects;
    },
    get commits() {
      return commits;
    },
    note,
    async startRunners(count, env = {}) {
      runners.push(...(await Promise.all(Array.from({ length: count }, () => fleet.runner('main', env)))));
    },
    async killRunner(index) {
      const runner = runners[index];
      if (runner === undefined || !runner.process.alive()) return;
      const fault = note('kill', [runner]);
      await runner.process.kill9();
      // An executor that had ended with its call before may not be among those that died with the runner: its outcome did.
      fault.touched(await heldBy(fleet, runner.runnerId));
      const replaced = fleet.runner().then((fresh) => {
        runners[index] = fresh;
      });
      replacements.add(replaced);
      replaced.catch(() => undefined).finally(() => replacements.delete(replaced));
    },
    async run(load, faultLoop = async () => undefined) {
      const flame = load.flame ?? fleet.caller();
      const stop = new AbortController();
      const looping = faultLoop(stop.signal);
      const until = performance.now() + (load.forMs ?? 0);
      let next = 0;
      const lane = async (): Promise<void> => {
        while (next < load.calls || performance.now() < until) await makeCall(flame, `k${next++}`, load);
      };
      const lanes = Promise.all(Array.from({ length: load.inFlight }, lane));
      await Promise.race([lanes, looping.then(() => lanes)]);
      stop.abort();
      await looping;
      await Promise.all(replacements);
      await waitFor(() => ledger.filter((e) => e.type === 'settle').length >= next, {
        what: `all ${next} calls to settle (seed ${seed})`,
        timeoutMs: load.settleMs ?? SETTLE_MS,
      });
      effects = parseEffects(await readFile(log, 'utf8'));
      commits = await readCommits(fleet, new Set(effects.map((e) => e.callId)));
      const late = fleet.started.flatMap(lateRenewals);
      for (const entry of ledger) {
        // The verdict names calls; why they were rejected is for whoever reads the output.
        if (entry.type === 'settle' && !entry.ok)
          process.stderr.write(`${entry.key} was rejected: ${String(entry.error)}\n`);
      }
      return check({ ledger, effects, commits, faults: [...faults, ...late] }, { model: (key) => `done ${key}` });
    },
    async stop() {
      await Promise.allSettled(replacements);
      await fleet.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

/** Demands what must hold in every run, and says the seed when it does not. */
export const expectClean = (verdict: Verdict, seed: number, calls: number): void => {
  const found = Object.fromEntries(NEVER.map((property) => [property, verdict[property]]));
  expect({ seed, ...found }).toEqual({ seed, ...Object.fromEntries(NEVER.map((property) => [property, []])) });
  expect(verdict.invoked).toBe(calls);
};

/** Resolves after the time, or when told to stop. */
export const pause = (ms: number, stop: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal: stop }).catch(() => undefined);

const readCommits = async (fleet: Fleet, callIds: ReadonlySet<string>): Promise<readonly Commit[]> => {
  const commits: Commit[] = [];
  for (const callId of callIds) {
    const [head, at] = await fleet.client.hmget(fleet.keys().outcome(callId), 'head', 'at');
    if (head == null) continue;
    const { ok, attempts } = parseHead(head);
    commits.push({ callId, ok, attempt: attempts, at: Number(at) });
  }
  return commits;
};

/** The calls of a runner, as Redis knows them. */
export const heldBy = async ({ client, keys }: Fleet, runnerId: string): Promise<readonly string[]> => {
  const { queue } = keys();
  const active = await client.lrange(`${queue}active`, 0, -1);
  const runners = await Promise.all(active.map((id) => client.hget(`${queue}${id}`, 'f:run')));
  return active.filter((_, i) => runners[i] === runnerId);
};

/**
 * What runners say of themselves: that they, or the machine, stood still for longer than their locks hold. On a machine that
 * is starved of processor time that is a fault like others, and explains a further execution of those calls alone.
 */
const lateRenewals = ({ process }: RunnerProcess): readonly Fault[] =>
  process
    .output()
    .split('\n')
    .filter((line) => line.includes('"silentMs"') && line.includes('"calls"'))
    .map((line) => JSON.parse(line) as { readonly time: number; readonly silentMs: number; readonly calls: string[] })
    .map(({ time, silentMs, calls }) => ({ kind: 'late-renewal', at: time - silentMs, until: time, callIds: calls }));

/** How long callers waited for the calls that have settled; ms. */
export const waitsOf = (chaos: Chaos): readonly number[] => {
  const invokedAt = new Map(chaos.ledger.flatMap((e) => (e.type === 'invoke' ? [[e.key, e.at] as const] : [])));
  return chaos.ledger.flatMap((e) => (e.type === 'settle' ? [e.at - (invokedAt.get(e.key) ?? e.at)] : []));
};

/** Errors that calls were rejected with. */
export const rejections = (chaos: Chaos): readonly unknown[] =>
  chaos.ledger.flatMap((entry) => (entry.type === 'settle' && !entry.ok ? [entry.error] : []));
