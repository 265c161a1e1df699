/**
 * npm run bench -- cost: what a no-op call costs each process in processor time, and Redis in commands, beside plain BullMQ in the same run.
 * Rounds of ours and of the peer follow each other; figures are medians of the rounds. Processor time holds up on a busy machine, where
 * the two rows of wall time say something only as a ratio.
 */
import type { Flame } from '@flamejs/queue';
import type { Peer } from './calls.ts';
import { childrenOf, processorTimeUs } from './processor-time.ts';
import { commandsOf, perCall } from './redis-commands.ts';
import { median } from './stats.ts';
import type { World } from './world.ts';

export const COST = 'cost of a call';

const ROUNDS = 7;
const CALLS = { 1: 1_000, 100: 4_000 } as const;

type Process = 'caller' | 'runner' | 'executors' | 'redis';
type Figures = Partial<Record<Process, number>> & { readonly wall: number };

interface Side {
  readonly name: string;
  readonly call: (i: number) => Promise<unknown>;
  /** Pids, read when a round begins: executors may have been replaced. */
  readonly pids: () => Partial<Record<Process, readonly number[]>>;
}

export interface CostSetup {
  // biome-ignore lint/suspicious/noExplicitAny: the application is plain JavaScript
  readonly tasks: { readonly flame: Flame; readonly noop: any; readonly noopFew: any };
  readonly runners: { readonly one: number; readonly few: number };
  readonly peers: { readonly one: Peer; readonly many: Peer };
}

/** Measures and prints. */
export const printCost = async (world: World, setup: CostSetup): Promise<void> => {
  const { tasks, runners, peers } = setup;
  for (const inFlight of [1, 100] as const) {
    const runner = inFlight === 1 ? runners.one : runners.few;
    const fn = inFlight === 1 ? tasks.noop : tasks.noopFew;
    const peer = inFlight === 1 ? peers.one : peers.many;
    const common = { caller: [process.pid], redis: [world.serverPid] };
    const ours: Side = {
      name: 'Flame',
      call: (i) => tasks.flame.call(fn, { i }),
      pids: () => ({ ...common, runner: [runner], executors: childrenOf(runner) }),
    };
    const theirs: Side = {
      name: 'BullMQ',
      call: (i) => peer.call({ i }),
      pids: () => ({ ...common, runner: [peer.pid] }),
    };
    await compare(world, inFlight, ours, theirs);
  }
};

const compare = async (world: World, inFlight: 1 | 100, ours: Side, theirs: Side): Promise<void> => {
  const sides = [ours, theirs];
  const figures = new Map<Side, Figures[]>(sides.map((side) => [side, []]));
  for (const side of sides) await round(side, inFlight);
  for (let at = 0; at < ROUNDS; at += 1) {
    // Who goes first alternates, for the second one finds a warmer machine.
    for (const side of at % 2 === 0 ? sides : sides.toReversed()) figures.get(side)?.push(await round(side, inFlight));
  }
  const of = (side: Side): readonly Figures[] => figures.get(side) ?? [];
  process.stdout.write(`\n${inFlight} in flight${' '.repeat(14)}Flame     BullMQ      ratio\n`);
  const row = (name: string, a: readonly number[], b: readonly number[], unit: string): void => {
    const ratio = median(a.map((value, i) => value / (b[i] ?? Number.NaN)));
    const cells = [median(a), median(b)].map((value) => `${value.toFixed(value < 10 ? 2 : 0).padStart(9)}`);
    process.stdout.write(`${name.padEnd(16)}${cells.join('  ')}  ${ratio.toFixed(2).padStart(9)}  ${unit}\n`);
  };
  for (const name of ['caller', 'runner', 'executors', 'redis'] as const)
    row(
      name,
      of(ours).map((f) => f[name] ?? 0),
      of(theirs).map((f) => f[name] ?? 0),
      'µs of processor time a call',
    );
  row('all', of(ours).map(sum), of(theirs).map(sum), 'µs of processor time a call');
  const wallUnit = inFlight === 1 ? 'ms, median' : 'calls a second';
  row(
    'wall',
    of(ours).map((f) => f.wall),
    of(theirs).map((f) => f.wall),
    wallUnit,
  );
  for (const side of sides) await printCommands(world, side, inFlight);
};

const sum = ({ wall: _, ...times }: Figures): number => Object.values(times).reduce((a, b) => a + b, 0);

const round = async ({ call, pids }: Side, inFlight: 1 | 100): Promise<Figures> => {
  const watched = Object.entries(pids()) as [Process, readonly number[]][];
  const read = (): readonly number[] =>
    watched.map(([, list]) => list.reduce((total, pid) => total + processorTimeUs(pid), 0));
  const count = CALLS[inFlight];
  const before = read();
  const times: number[] = [];
  const started = performance.now();
  await inLanes(call, count, inFlight, times);
  const wallMs = performance.now() - started;
  const after = read();
  const spent = watched.map(([name], at) => [name, ((after[at] ?? 0) - (before[at] ?? 0)) / count]);
  return { ...Object.fromEntries(spent), wall: inFlight === 1 ? median(times) : count / (wallMs / 1000) };
};

const inLanes = async (call: Side['call'], count: number, lanes: number, times: number[]): Promise<void> => {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const started = performance.now();
      await call(next++);
      times.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
};

const printCommands = async (world: World, { name, call }: Side, inFlight: 1 | 100): Promise<void> => {
  const calls = CALLS[inFlight] / 4;
  const { sent, inScripts } = await commandsOf(world.redis, () => inLanes(call, calls, inFlight, []));
  for (const [what, counts] of [
    ['commands', sent],
    ['in scripts', inScripts],
  ] as const) {
    const { total, names } = perCall(counts, calls);
    process.stdout.write(`${name} ${what} a call: ${total.toFixed(1)} (${names})\n`);
  }
};
