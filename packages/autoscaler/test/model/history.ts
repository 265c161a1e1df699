/** Random histories: commands, how they are carried out, and what must hold afterwards. */
import fc from 'fast-check';
import { CORE } from '../../src/core.ts';
import { decodeIntent } from '../../src/record/intent.ts';
import { type Actor, createActor, type Sabotage } from './controllers.ts';
import type { LaunchFault, ListFault, TerminateFault } from './model-backend.ts';
import { quiet } from './virtual-clock.ts';
import { type Agent, createWorld, POOL, STEP_MS, type World, type WorldOptions } from './world.ts';

export type Command =
  | { readonly kind: 'pass'; readonly seconds: number }
  | { readonly kind: 'enqueue'; readonly calls: number }
  | { readonly kind: 'call-length'; readonly ms: number }
  | { readonly kind: 'boots'; readonly bootMs: number; readonly broken: boolean }
  | { readonly kind: 'launch-fault'; readonly fault: LaunchFault }
  | { readonly kind: 'list-fault'; readonly fault: ListFault; readonly lagMs: number }
  | { readonly kind: 'terminate-fault'; readonly fault: TerminateFault }
  | { readonly kind: 'redis'; readonly up: boolean }
  | { readonly kind: 'clock-jump'; readonly ms: number }
  | { readonly kind: 'die'; readonly who: 0 | 1; readonly at: number; readonly when: 'before' | 'after' }
  | { readonly kind: 'freeze'; readonly who: 0 | 1 }
  | { readonly kind: 'thaw'; readonly who: 0 | 1 }
  | { readonly kind: 'crash-machine'; readonly pick: number }
  | { readonly kind: 'freeze-runner'; readonly pick: number }
  | { readonly kind: 'thaw-runner'; readonly pick: number }
  | { readonly kind: 'pause'; readonly paused: boolean }
  | { readonly kind: 'order'; readonly pick: number; readonly action: 'drain' | 'terminate' | 'protect' | 'unprotect' };

const who = fc.constantFrom(0 as const, 1 as const);
const pick = fc.nat(20);

export const commands: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('enqueue' as const), calls: fc.integer({ min: 1, max: 8 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('call-length' as const), ms: fc.constantFrom(1_000, 4_000, 40_000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('boots' as const),
      bootMs: fc.constantFrom(1_000, 5_000, 30_000, 70_000),
      broken: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('launch-fault' as const),
      fault: fc.constantFrom<LaunchFault>(
        'none',
        'lost',
        'dropped',
        'hangs',
        'late',
        'capacity',
        'quota',
        'throttled',
        'auth',
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('list-fault' as const),
      fault: fc.constantFrom<ListFault>('none', 'fails', 'hangs'),
      lagMs: fc.constantFrom(0, 5_000, 20_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('terminate-fault' as const),
      fault: fc.constantFrom<TerminateFault>('none', 'fails', 'ignored', 'slow'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('redis' as const), up: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('clock-jump' as const),
      ms: fc.constantFrom(-600_000, -5_000, 5_000, 600_000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('die' as const),
      who,
      at: fc.nat(12),
      when: fc.constantFrom('before' as const, 'after' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('freeze' as const), who }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('thaw' as const), who }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('crash-machine' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('freeze-runner' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('thaw-runner' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pause' as const), paused: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('order' as const),
      pick,
      action: fc.constantFrom('drain' as const, 'terminate' as const, 'protect' as const, 'unprotect' as const),
    }),
  },
);

export interface HistoryOptions extends Pick<WorldOptions, 'backend'> {
  readonly sabotage?: Sabotage;
  readonly max?: number;
  readonly quota?: number;
}

export interface HistoryResult {
  readonly violations: readonly string[];
  readonly world: World;
}

/** Runs a history with faults, then lets them all end and looks whether everything comes right. */
export const runHistory = async (history: readonly Command[], options: HistoryOptions = {}): Promise<HistoryResult> => {
  const world = createWorld({ max: options.max ?? 4, quota: options.quota, backend: options.backend });
  const sabotage = options.sabotage ?? {};
  const actors: [Actor, Actor] = [createActor(world, CORE, sabotage), createActor(world, CORE, sabotage)];

  const pass = async (ms: number): Promise<void> => {
    for (let done = 0; done < ms; done += STEP_MS) {
      for (const index of [0, 1] as const) {
        // A dead controller is replaced, as a supervisor would do, by one that knows nothing.
        if (actors[index].gate.dead) actors[index] = createActor(world, CORE, sabotage);
        actors[index].tick();
      }
      await world.clock.advance(STEP_MS);
      world.step();
    }
  };

  await pass(3_000);
  for (const command of history) {
    if (command.kind === 'pass') await pass(command.seconds * 1_000);
    else carryOut(command, world, actors);
    await quiet();
    if (world.violations.length > 0) break;
  }
  if (world.violations.length === 0) await comeRight(world, actors, pass);
  return { violations: world.violations, world };
};

const carryOut = (command: Exclude<Command, { kind: 'pass' }>, world: World, actors: readonly [Actor, Actor]): void => {
  const living = world.backend.living();
  const machine = 'pick' in command ? living[command.pick % Math.max(1, living.length)] : undefined;
  const agent = machine === undefined ? undefined : world.agents.get(machine.id);
  switch (command.kind) {
    case 'enqueue':
      world.enqueue(command.calls);
      return;
    case 'call-length':
      world.callMs = command.ms;
      return;
    case 'boots':
      world.nextBoot = { bootMs: command.bootMs, broken: command.broken };
      return;
    case 'launch-fault':
      world.backend.faults.launch = command.fault;
      return;
    case 'list-fault':
      world.backend.faults.list = command.fault;
      world.backend.faults.listLagMs = command.lagMs;
      return;
    case 'terminate-fault':
      world.backend.faults.terminate = command.fault;
      return;
    case 'redis':
      for (const { gate } of actors) gate.failing = !command.up;
      return;
    case 'clock-jump':
      world.jumpRedisClock(command.ms);
      return;
    case 'die':
      actors[command.who].gate.dieAt(command.at, command.when);
      return;
    case 'freeze':
      actors[command.who].gate.freeze();
      return;
    case 'thaw':
      actors[command.who].gate.thaw();
      return;
    case 'crash-machine':
      if (machine !== undefined) world.backend.end(machine);
      return;
    case 'freeze-runner':
      if (agent !== undefined) agent.frozenAt ??= world.clock.mono();
      return;
    case 'thaw-runner':
      // Its fence has cost it the calls it had, if it slept longer than its locks.
      if (agent !== undefined) thaw(world, agent);
      return;
    case 'pause': {
      const pool = world.memory.pool(POOL);
      pool.queue = { ...pool.queue, paused: command.paused };
      return;
    }
    case 'order':
      if (machine !== undefined) world.order(machine.runnerId, command.action);
      return;
  }
};

const thaw = (world: World, agent: Agent): void => {
  if (agent.frozenAt === null) return;
  agent.frozenAt = null;
  agent.thawedAt = world.clock.mono();
};

/** I5, I6, I7: once the faults end, everything is served, nothing is left over, and then nothing moves any more. */
const comeRight = async (
  world: World,
  actors: readonly [Actor, Actor],
  pass: (ms: number) => Promise<void>,
): Promise<void> => {
  const { violations, backend } = world;
  for (const { gate } of actors) {
    gate.thaw();
    gate.spare();
    gate.failing = false;
  }
  Object.assign(backend.faults, { launch: 'none', list: 'none', terminate: 'none', listLagMs: 0 });
  for (const agent of world.agents.values()) thaw(world, agent);
  world.nextBoot = { bootMs: 2_000, broken: false };
  world.callMs = 2_000;
  const pool = world.memory.pool(POOL);
  pool.queue = { ...pool.queue, paused: false };
  world.enqueue(3);

  const wrong = (): readonly string[] => {
    const found: string[] = [];
    if (world.pending() > 0) found.push(`I6 ${world.pending()} calls are still waiting or running`);
    const living = backend.living();
    if (living.length !== 1) found.push(`I5 ${living.length} machines are left, min is 1`);
    const records = [...world.memory.intents.values()].map(decodeIntent);
    if (records.length !== 1 || records[0]?.state !== 'ready')
      found.push(`I5 records are left: ${JSON.stringify(records)}`);
    else if (records[0].runnerId !== living[0]?.runnerId) found.push('I5 the record and the machine differ');
    if (pool.orders.size > 0) found.push('I5 orders are left that nothing will carry out');
    return found;
  };
  // The breaker's longest pause is 10 minutes here, a pause for capacity 3, one before a replay 1.
  for (let minutes = 0; minutes < 25 && wrong().length > 0; minutes += 0.5) await pass(30_000);
  violations.push(...wrong());
  if (violations.length > 0) return;

  // Being idle is reported once, and that may still be due.
  const eventCount = (): number => pool.events.filter(({ type }) => type !== 'runner.idle').length;
  const before = { ...backend.calls, events: eventCount() };
  await pass(60_000);
  if (backend.calls.launch !== before.launch || backend.calls.terminate !== before.terminate) {
    violations.push('I7 machines are launched or ended although nothing changes');
  }
  if (eventCount() !== before.events) violations.push('I7 events although nothing changes');
};
