/** One instance of the fake: its states over time, what runs on it, and how it ends. */
import type { Market } from './catalog.ts';
import type { Knobs } from './options.ts';
import type { Params } from './query.ts';

export type MachineState = 'pending' | 'running' | 'shutting-down' | 'terminated' | 'stopping' | 'stopped';

/** What a metadata service would tell the instance; `metadata.ts` serves it. */
export interface MachineNotices {
  spotAction: { action: 'terminate'; time: string } | undefined;
  rebalance: { noticeTime: string } | undefined;
}

export interface Machine {
  readonly id: string;
  readonly type: string;
  readonly zone: string;
  readonly market: Market;
  readonly tags: Map<string, string>;
  readonly volumeTags: ReadonlyMap<string, string>;
  readonly interfaceTags: ReadonlyMap<string, string>;
  /** Decoded user-data. */
  readonly userData: string;
  readonly clientToken: string | undefined;
  readonly launchedAt: number;
  /** The request's parameters. */
  readonly params: Params;
  readonly shutdownBehavior: 'stop' | 'terminate';
  readonly protectedFromTermination: boolean;
  readonly notices: MachineNotices;
  readonly history: readonly { readonly state: MachineState; readonly at: number; readonly reason: string }[];
  state(): MachineState;
  /** The state as DescribeInstances reports it, `lag.stateMs` late. */
  reportedState(): MachineState;
  reason(): string;
  /** The operating system halts: what `poweroff` inside the instance does. Honours the shutdown behaviour. */
  shutdown(): void;
  /** StopInstances by somebody else. */
  stop(): void;
  /** TerminateInstances, or the provider's own doing. */
  terminate(reason: string): void;
}

/** What runs on an instance. `stop` ends it, resolving when it is gone. */
export interface Running {
  stop(): void | Promise<void>;
}

/** Called when an instance starts to run. */
export type LaunchHook = (machine: Machine) => Running | undefined | Promise<Running | undefined>;

export interface MachineSpec {
  readonly id: string;
  readonly type: string;
  readonly zone: string;
  readonly market: Market;
  readonly tags: Map<string, string>;
  readonly volumeTags: ReadonlyMap<string, string>;
  readonly interfaceTags: ReadonlyMap<string, string>;
  readonly userData: string;
  readonly clientToken: string | undefined;
  readonly params: Params;
}

export const createMachine = (
  spec: MachineSpec,
  knobs: Knobs,
  onStopped: (stopping: Promise<void>) => void,
): Machine => {
  const { clock } = knobs;
  const launchedAt = clock.now();
  const history: { state: MachineState; at: number; reason: string }[] = [
    { state: 'pending', at: launchedAt, reason: '' },
  ];
  let running: Promise<Running | undefined> | undefined;

  const last = (): { state: MachineState; at: number; reason: string } => {
    const entry = history.at(-1);
    if (entry === undefined) throw new Error('a machine has a state');
    return entry;
  };
  const enter = (state: MachineState, reason: string): void => {
    history.push({ state, at: clock.now(), reason });
  };
  const stopRunning = (): void => {
    const held = running;
    running = undefined;
    if (held !== undefined) onStopped(held.then((it) => it?.stop()).catch(() => undefined));
  };
  const end = (between: 'shutting-down' | 'stopping', final: 'terminated' | 'stopped', reason: string): void => {
    const state = last().state;
    if (state === 'terminated' || state === 'shutting-down' || (state === 'stopping' && final === 'stopped')) return;
    enter(between, reason);
    stopRunning();
    clock.after(knobs.terminate.delayMs, () => enter(final, reason));
  };

  const machine: Machine = {
    ...spec,
    launchedAt,
    shutdownBehavior: spec.params.InstanceInitiatedShutdownBehavior === 'terminate' ? 'terminate' : 'stop',
    protectedFromTermination:
      spec.params.DisableApiTermination === true || knobs.protect(spec.tags.get('flame:runner-id') ?? ''),
    notices: { spotAction: undefined, rebalance: undefined },
    history,
    state: () => last().state,
    reportedState: () => {
      const seenAt = clock.now() - knobs.lag.stateMs;
      return history.findLast((entry) => entry.at <= seenAt)?.state ?? 'pending';
    },
    reason: () => last().reason,
    shutdown: () => {
      if (last().state !== 'running') return;
      if (machine.shutdownBehavior === 'terminate')
        end('shutting-down', 'terminated', 'Client.InstanceInitiatedShutdown');
      else end('stopping', 'stopped', 'Client.InstanceInitiatedShutdown');
    },
    stop: () => end('stopping', 'stopped', 'Client.UserInitiatedShutdown'),
    terminate: (reason) => {
      // (i) The API says yes and nothing happens.
      if (reason === 'Client.UserInitiatedShutdown' && knobs.terminate.ignore(machine)) return;
      end('shutting-down', 'terminated', reason);
    },
  };

  clock.after(knobs.boot.delayMs, () => {
    if (last().state !== 'pending') return;
    const outcome = knobs.boot.outcome(machine);
    if (outcome === 'dies') {
      enter('terminated', 'Server.InternalError');
      return;
    }
    enter('running', '');
    if (outcome === 'ok' && knobs.onLaunch !== undefined) {
      running = Promise.resolve(knobs.onLaunch(machine));
      running.catch(() => machine.shutdown());
    }
  });
  return machine;
};
