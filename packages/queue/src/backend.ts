/**
 * The contract between the autoscaler and whatever provisions machines: local processes, Docker, EC2, Fly, or a user's own.
 * It stands in this package because `flame.config.ts` names backends and every package reads the config.
 */

import type { LaunchErrorKind } from './errors.ts';

/** Defaults that depend on how fast a backend's machines come and go. All times in milliseconds. */
export interface BackendDefaults {
  readonly bootTimeoutMs: number;
  readonly idleShutdownAfterMs: number;
  readonly tickMs: number;
  /** Tick while a launch or a drain is pending. */
  readonly fastTickMs: number;
  /** How long a runner waits for the first, and then for the next, heartbeat of the autoscaler before it ends its machine. */
  readonly heartbeatTimeoutMs: number;
  readonly failsafeTimeoutMs: number;
  /** Most launches that one tick may start. */
  readonly launchesPerTick: number;
}

/** What a backend is asked to launch: one runner, with everything that it is told. */
export interface LaunchRequest {
  readonly app: string;
  readonly pool: string;
  /** Unique for ever; the name of the container, the tag of the machine, the client token's stem. */
  readonly runnerId: string;
  /** Raised only after a definite failure, so that `<runnerId>-<attempt>` is a safe idempotency token. */
  readonly attempt: number;
  readonly release: string;
  readonly maxConcurrency: number;
  /** What the runner takes at most to end in good order, ms: the pool's `shutdownTimeout` and `killGrace`. */
  readonly shutdownMs?: number;
  /** What `flame runner` reads: FLAME_APP, FLAME_POOL, FLAME_RUNNER_ID, FLAME_RELEASE, FLAME_CONFIG, and the pool's `env`. */
  readonly env: Readonly<Record<string, string>>;
  /** Secrets that a backend passes by reference where it can (never in user-data): FLAME_REDIS_URL, FLAME_SIGNING_KEY. */
  readonly secrets: Readonly<Record<string, string>>;
}

/** Where an instance is in its life, as far as its backend can tell. */
export type InstanceState = 'pending' | 'running' | 'stopping' | 'gone';

/** How an instance ended, as far as its provider knows. */
export interface InstanceEnd {
  /** One line for people: `exited with code 7`, `ended by SIGKILL`, `out of memory (exit code 137)`, the provider's own words. */
  readonly reason: string;
  readonly exitCode?: number;
  /** Such as `SIGKILL`. */
  readonly signal?: string;
  /** It used up its memory. */
  readonly outOfMemory?: boolean;
  /** What it wrote last, as plain text without credentials; at most 2 KB. */
  readonly lastLines?: string;
}

/** Why an instance does not come up, as its provider says while it waits. */
export interface InstanceProblem {
  /** `capacity` and `quota` pause launches, everything else counts as a boot that failed. */
  readonly kind: LaunchErrorKind;
  /** One line for people: the provider's own words. */
  readonly reason: string;
  /** Waiting longer is of no use: it is given up at once, not after `bootTimeout`. */
  readonly final: boolean;
}

/** A machine, container or process on which a runner runs, as its backend lists it. */
export interface Instance {
  /** The provider's own id: pid, container id, instance id. */
  readonly id: string;
  readonly runnerId: string;
  readonly pool: string;
  readonly state: InstanceState;
  /** Epoch milliseconds by the provider's clock; for ordering and display only. */
  readonly launchedAt: number;
  /** Where it runs, when that differs between instances: host name, zone, region. */
  readonly location?: string;
  /** What it costs, for the dashboard: instance type, spot or on demand. */
  readonly details?: Readonly<Record<string, string>>;
  /** Why it does not come up, of one that is `pending`: it stands in events, in `status()` and in the errors of callers. */
  readonly problem?: InstanceProblem;
  /** Why it ended, of one that is `gone`: it stands in events, in `status()` and in the errors of callers. */
  readonly end?: InstanceEnd;
}

/** What became of one instance that was to be ended. */
export interface TerminateResult {
  readonly id: string;
  readonly ok: boolean;
  /** Why not, when `ok` is false. */
  readonly error?: string;
}

/** What the autoscaler knows of the instances that it ends. */
export interface TerminateFacts {
  /** Those of whose runners no heartbeat was seen for long: for providers that need more than a request to be rid of a lost host. */
  readonly silent?: ReadonlySet<string>;
}

/** What provisions runners: `local()`, `docker()`, `ec2()`, `fly()`, or your own (docs/backends/write-your-own.md). */
export interface Backend {
  readonly name: string;
  readonly defaults: BackendDefaults;
  /**
   * Provisions one instance. Idempotent for the same `runnerId` and `attempt`.
   * @returns when the provider has accepted, not when the runner is ready.
   * @throws FlameLaunchError with a `kind`; after `unknown` the same request is replayed until the outcome is definite.
   */
  launch(request: LaunchRequest, signal: AbortSignal): Promise<Instance>;
  /**
   * Every instance of this app that is not gone, and for a while those that are, with how they ended. Whole, or it throws: a
   * partial list would look like lost machines.
   */
  list(app: string, signal: AbortSignal): Promise<readonly Instance[]>;
  /** Idempotent; already gone is success. One bad id does not spoil the others. */
  terminate(ids: readonly string[], signal: AbortSignal, known?: TerminateFacts): Promise<readonly TerminateResult[]>;
  /** Checks credentials and permissions without side effects; throws a FlameLaunchError that names what is missing. */
  check?(signal: AbortSignal): Promise<void>;
  /** Its runners load the application from the autoscaler's own disk, so they are of the release that is there then. */
  readonly sharesDisk?: boolean;
  /**
   * Whether `launch` can bring up a runner of this release, when calls of it wait. Without this function: only of the
   * release that the autoscaler itself has. @param root the application's folder
   */
  boots?(release: string, root: string): boolean;
  /** Frees what the backend holds in this process (clients, child processes). */
  close?(): Promise<void>;
}

/**
 * `external()`: a platform starts and ends the runners of the pool by a number that it asks the autoscaler for. It stands where a
 * backend stands and is none: there is nothing to launch with, and what exists is what has registered.
 */
export interface ExternalScaling {
  readonly name: 'external';
  readonly scaledBy: 'platform';
  readonly defaults: BackendDefaults;
  /** Tells the platform which runners it may end first, where it can be told; it writes what has changed. @throws what kept it from that */
  rank?(runners: readonly RankedRunner[], signal: AbortSignal): Promise<void>;
  /** Sets the number at a platform that does not ask. @throws what kept it from that */
  push?(wanted: number, signal: AbortSignal): Promise<void>;
  /** Checks without side effects that the number can be pushed; throws what is missing. */
  check?(signal: AbortSignal): Promise<void>;
  /** Frees what it holds in this process. */
  close?(): Promise<void>;
}

/** How little a runner would be missed, as a platform is told. */
export interface RankedRunner {
  /** The pod or task in which it is. */
  readonly host: string;
  /** `parked`: it takes no calls; `idle`: it has had none for `idleShutdownAfter`; `busy`: every other one. */
  readonly rank: 'parked' | 'idle' | 'busy';
}

/** What stands behind a pool: a backend, or a platform. */
export type PoolBackend = Backend | ExternalScaling;
