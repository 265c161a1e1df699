/**
 * What a runner says of itself and what it is told: the hash `runner:<id>` and the index `runners`, scored by the
 * heartbeat in Redis time. The runner writes every field but the ones marked as orders.
 */
import type { ParkVerdict } from './verdict.ts';

/** A runner's own state. `drained` is the acknowledgement: it has stopped fetching and executes nothing. */
export type AgentState = 'starting' | 'ready' | 'draining' | 'drained' | 'ended';

/** What kept a runner from starting. `modules`: the application's, so that another runner of its release does no better. */
export type RunnerFault = '' | 'modules';

export interface RunnerRecord {
  readonly runnerId: string;
  readonly pool: string;
  readonly state: AgentState;
  readonly active: number;
  readonly slots: number;
  /** When its last call ended, or it became ready, by its own record; Redis time, ms; 0 while busy. */
  readonly idleSince: number;
  readonly startedAt: number;
  readonly readyAt: number;
  readonly heartbeatAt: number;
  readonly release: string;
  readonly host: string;
  readonly pid: number;
  /** Calls executed so far. */
  readonly served: number;
  /** Generation of the drain that `drained` acknowledges; 0 for none. */
  readonly ackedDrain: number;
  /** Why it drains or ended: `idle`, `scale-down`, `sigterm`, `heartbeat`, `failsafe`, `single-use`, `parent-gone`, … */
  readonly reason: string;
  readonly fault: RunnerFault;
  /** How its time since it became ready was used, ms so far: by calls, by none, and by none while it drained. */
  readonly busyTotalMs: number;
  readonly idleTotalMs: number;
  readonly drainTotalMs: number;
  /** How long its last heartbeat took to Redis and back. */
  readonly roundTripMs: number;
  /** Order by the autoscaler: generation of the drain it should perform; 0 for none (also: reactivated). */
  readonly drain: number;
  /** Order: why. */
  readonly drainReason: string;
  /** Order: the drain is the autoscaler's, of a runner that a platform keeps; it is taken back when the runner is wanted again. */
  readonly parked: boolean;
}

/** @returns the record in a runner's hash. Fields that it has not written yet are 0 or empty. */
export const parseRunnerRecord = (
  pool: string,
  runnerId: string,
  fields: Readonly<Record<string, string>>,
): RunnerRecord => {
  const number = (name: string): number => Number(fields[name] ?? 0) || 0;
  return {
    runnerId,
    pool,
    state: isAgentState(fields.state) ? fields.state : 'starting',
    active: number('active'),
    slots: number('slots'),
    idleSince: number('idleSince'),
    startedAt: number('startedAt'),
    readyAt: number('readyAt'),
    heartbeatAt: number('heartbeatAt'),
    release: fields.release ?? '',
    host: fields.host ?? '',
    pid: number('pid'),
    served: number('served'),
    ackedDrain: number('ackedDrain'),
    reason: fields.reason ?? '',
    fault: fields.fault === 'modules' ? 'modules' : '',
    busyTotalMs: number('busyTotalMs'),
    idleTotalMs: number('idleTotalMs'),
    drainTotalMs: number('drainTotalMs'),
    roundTripMs: number('roundTripMs'),
    drain: number('drain'),
    drainReason: fields.drainReason ?? '',
    parked: fields.parked === '1',
  };
};

const STATES: ReadonlySet<string> = new Set(['starting', 'ready', 'draining', 'drained', 'ended']);
const isAgentState = (value: string | undefined): value is AgentState => value !== undefined && STATES.has(value);

/** A message on a pool's control channel; a hint only, for the durable flag is read at each lock renewal and heartbeat too. */
export type ControlMessage =
  | { readonly type: 'cancel'; readonly callId: string }
  | { readonly type: 'drain'; readonly runnerId: string; readonly generation: number }
  /** A call waits for a runner of this release or, unless it is strict, of any but the one that was found to lack its function. */
  | { readonly type: 'parked'; readonly release: string; readonly found: string; readonly why: ParkVerdict['why'] };

/** Something that happened to a pool's machines: an entry of the capped stream `events`. */
export interface PoolEvent {
  readonly id: string;
  /** Redis time, ms. */
  readonly at: number;
  readonly pool: string;
  readonly type:
    | 'runner.requested'
    | 'runner.launched'
    | 'runner.ready'
    | 'runner.idle'
    | 'runner.busy'
    | 'runner.draining'
    | 'runner.drained'
    | 'runner.ended'
    | 'runner.lost'
    | 'runner.failed'
    | 'runner.terminated'
    | 'runner.adopted'
    | 'runner.ordered'
    | 'runner.protected'
    | 'executor.replaced'
    | 'pool.scaled'
    | 'pool.paused'
    | 'pool.resumed'
    | 'pool.settings'
    | 'pool.release'
    | 'call.loop'
    | 'breaker.opened'
    | 'breaker.closed'
    | 'leader.elected';
  readonly runnerId?: string;
  readonly reason: string;
  readonly details?: Readonly<Record<string, unknown>>;
}
