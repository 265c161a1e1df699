/**
 * A provider that lags, throttles, loses answers, runs out and lies, with the truth beside it. It never does what a real
 * one would not: a token gives one machine, and a definite refusal stays one.
 */
import {
  type Backend,
  type BackendDefaults,
  FlameLaunchError,
  type Instance,
  type LaunchErrorKind,
  type LaunchRequest,
} from '@flamejs/queue';
import type { VirtualClock } from './virtual-clock.ts';

export type LaunchFault =
  | 'none'
  /** The machine is made, the answer is lost. */
  | 'lost'
  /** The answer is lost, and no machine was made. */
  | 'dropped'
  /** No answer ever, but the machine is made. */
  | 'hangs'
  /** No answer within the time limit; the machine is made long after. */
  | 'late'
  | Exclude<LaunchErrorKind, 'unknown'>;
export type ListFault = 'none' | 'fails' | 'hangs';
export type TerminateFault = 'none' | 'fails' | 'ignored' | 'slow';

export interface Machine {
  readonly id: string;
  readonly runnerId: string;
  readonly launchedAt: number;
  /** When the list begins to show it. */
  readonly visibleAt: number;
  /** When it is really gone; the list may show it for longer. */
  goneAt: number | null;
  terminateAskedAt: number | null;
}

export interface ModelBackend extends Backend {
  /** Every machine that ever was, foreign ones too. */
  readonly machines: Map<string, Machine>;
  living(): readonly Machine[];
  /** Ends a machine from outside. */
  end(machine: Machine): void;
  faults: { launch: LaunchFault; list: ListFault; terminate: TerminateFault; listLagMs: number };
  readonly calls: { launch: number; list: number; terminate: number };
}

export interface ModelBackendOptions {
  readonly clock: VirtualClock;
  readonly defaults: BackendDefaults;
  /** Called at the very moment a launch arrives, and when a machine comes to be. */
  onLaunchCall(request: LaunchRequest): void;
  onMachine(machine: Machine): void;
  onTerminate(machine: Machine): void;
}

/** A machine of somebody else that carries our app's label. */
export const FOREIGN = 'work-zzzzzz-zzzzzzzzzzzz';

export const modelBackend = (options: ModelBackendOptions): ModelBackend => {
  const { clock, defaults } = options;
  const machines = new Map<string, Machine>();
  const tokens = new Map<string, Machine | FlameLaunchError>();
  const now = (): number => clock.mono();
  const isLiving = (machine: Machine): boolean => machine.goneAt === null || machine.goneAt > now();

  const make = (request: LaunchRequest, token: string): Machine => {
    const known = tokens.get(token);
    if (known instanceof FlameLaunchError) throw known;
    if (known !== undefined) return known;
    const machine: Machine = {
      id: `i-${machines.size + 1}`,
      runnerId: request.runnerId,
      launchedAt: now(),
      visibleAt: now() + self.faults.listLagMs,
      goneAt: null,
      terminateAskedAt: null,
    };
    machines.set(machine.id, machine);
    tokens.set(token, machine);
    options.onMachine(machine);
    return machine;
  };
  const instanceOf = (machine: Machine): Instance => ({
    id: machine.id,
    runnerId: machine.runnerId,
    pool: 'work',
    state: machine.terminateAskedAt !== null ? 'stopping' : 'running',
    launchedAt: machine.launchedAt,
  });

  const self: ModelBackend = {
    name: 'model',
    defaults,
    machines,
    living: () => [...machines.values()].filter((machine) => machine.runnerId !== FOREIGN && isLiving(machine)),
    end(machine) {
      machine.goneAt ??= now();
    },
    faults: { launch: 'none', list: 'none', terminate: 'none', listLagMs: 0 },
    calls: { launch: 0, list: 0, terminate: 0 },
    async launch(request) {
      self.calls.launch += 1;
      options.onLaunchCall(request);
      const token = `${request.runnerId}-${request.attempt}`;
      const fault = self.faults.launch;
      switch (fault) {
        case 'none':
          return instanceOf(make(request, token));
        case 'lost':
          make(request, token);
          throw new FlameLaunchError('model: the connection broke', { kind: 'unknown' });
        case 'dropped':
          throw new FlameLaunchError('model: the connection broke', { kind: 'unknown' });
        case 'hangs':
          make(request, token);
          return new Promise(() => {});
        case 'late':
          clock.after(45_000, () => {
            try {
              make(request, token);
            } catch {
              // Asked again in the meantime and refused: the late one is refused too.
            }
          });
          return new Promise(() => {});
        default: {
          // A token that has a machine answers with it, whatever the state of the provider.
          const known = tokens.get(token);
          if (known !== undefined) return instanceOf(make(request, token));
          const refusal = new FlameLaunchError(`model: ${fault}`, { kind: fault });
          tokens.set(token, refusal);
          throw refusal;
        }
      }
    },
    async list() {
      self.calls.list += 1;
      if (self.faults.list === 'fails') throw new FlameLaunchError('model: cannot be listed', { kind: 'unknown' });
      if (self.faults.list === 'hangs') return new Promise(() => {});
      const lag = self.faults.listLagMs;
      return [...machines.values()]
        .filter((machine) => machine.visibleAt <= now() && (machine.goneAt === null || machine.goneAt + lag > now()))
        .map(instanceOf);
    },
    async terminate(ids) {
      self.calls.terminate += 1;
      if (self.faults.terminate === 'fails') throw new Error('model: terminate failed');
      return ids.map((id) => {
        const machine = machines.get(id);
        if (machine !== undefined && isLiving(machine)) {
          if (machine.terminateAskedAt === null) options.onTerminate(machine);
          machine.terminateAskedAt ??= now();
          if (self.faults.terminate === 'none') machine.goneAt ??= now();
          if (self.faults.terminate === 'slow') machine.goneAt ??= now() + 20_000;
        }
        return { id, ok: true };
      });
    },
  };
  machines.set('i-foreign', {
    id: 'i-foreign',
    runnerId: FOREIGN,
    launchedAt: now(),
    visibleAt: 0,
    goneAt: null,
    terminateAskedAt: null,
  });
  return self;
};
