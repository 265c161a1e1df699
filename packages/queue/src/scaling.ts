/** What a scaling policy sees and answers. Plain data: policies are pure, so the simulator replays them. */

export type RunnerState =
  | 'requested'
  | 'booting'
  | 'ready'
  | 'draining'
  | 'terminating'
  | 'failed'
  | 'lost'
  | 'terminated';

/** A runner, as a policy sees it. */
export interface RunnerView {
  readonly runnerId: string;
  readonly state: RunnerState;
  /** Calls that it executes now. */
  readonly active: number;
  readonly slots: number;
  /** Milliseconds since it became idle, `null` while it is busy or not ready. */
  readonly idleMs: number | null;
  readonly ageMs: number;
}

/** What waits and runs in a pool, as a policy sees it. */
export interface QueueObservation {
  readonly paused: boolean;
  readonly waiting: number;
  readonly prioritized: number;
  /** Delayed calls that fall due within the pool's boot time; they count as waiting. */
  readonly dueSoon: number;
  readonly active: number;
  /** Active calls whose runner is gone; they need a slot again. */
  readonly orphanActive: number;
  readonly oldestWaitMs: number | null;
}

/** All that a policy decides by. */
export interface PoolObservation {
  /** Monotonic milliseconds. */
  readonly now: number;
  /** Epoch milliseconds by Redis' clock, for policies that follow a calendar. */
  readonly at: number;
  readonly queue: QueueObservation;
  readonly runners: readonly RunnerView[];
  readonly serviceTimeMs: number | null;
  readonly bootTimeMs: number | null;
}

/** The bounds of the pool that a policy decides for. */
export interface PolicyPool {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly maxConcurrency: number;
  readonly buffer: number;
  readonly bootTimeoutMs: number;
}

/** How many runners a policy wants, and why. */
export interface PolicyDecision<Memory = unknown> {
  /** Number of runners wanted, before min and max are applied. */
  readonly desired: number;
  readonly reasons: readonly string[];
  readonly memory: Memory;
}

/** A pure function from an observation to a desired number of runners. `'hold'` keeps what is there. */
export interface Policy<Memory = unknown> {
  readonly name: string;
  desired(observation: PoolObservation, pool: PolicyPool, memory: Memory | undefined): PolicyDecision<Memory> | 'hold';
}
