/** The knobs of the fake, with their defaults: an account without trouble. All times are milliseconds. */
import { type Catalog, defaultCatalog } from './catalog.ts';
import { type Clock, realClock } from './clock.ts';
import type { LaunchHook, Machine } from './machine.ts';

export interface Bucket {
  readonly burst: number;
  readonly refillPerSecond: number;
}

export interface FakeEc2Options {
  readonly catalog?: Partial<Catalog>;
  readonly clock?: Clock;
  /** (a) How long a change is hidden from look-ups by id, from filters by tag, and from the reported state. */
  readonly lag?: Partial<Knobs['lag']>;
  /** (b) Whether a token that saw a failed request refuses other parameters too. The real answer is not documented. */
  readonly tokenBindsOnFailure?: boolean;
  /** (c) `<type>/<zone>/<market>` → machines that can still be had. Missing means plenty. */
  readonly capacity?: Readonly<Record<string, number>>;
  /** (c) `<quota group>/<market>` → vCPUs that may run at once. Missing means plenty. */
  readonly vcpuQuota?: Readonly<Record<string, number>>;
  /** (d) Token buckets by action; `default` for the others. `'aws'` for the published ones, nothing for none. */
  readonly buckets?: Readonly<Record<string, Bucket>> | 'aws';
  /** HTTP status of InsufficientInstanceCapacity: the server-error group, so 500. */
  readonly capacityStatus?: number;
  /** (g) */
  readonly boot?: Partial<Knobs['boot']>;
  /** (i) */
  readonly terminate?: Partial<Knobs['terminate']>;
  /** How long a terminated instance stays visible. */
  readonly tombstoneMs?: number;
  /** Largest page of a list, whatever MaxResults says: EC2 may return fewer. */
  readonly pageLimit?: number;
  /** Instances, by `flame:runner-id`, that get termination protection after their launch, as an operator would do. */
  readonly protect?: (runnerId: string) => boolean;
  /** Makes each instance real when it starts to run. */
  readonly onLaunch?: LaunchHook;
  /** Access key → actions that it may call; `'*'` for all. */
  readonly permissions?: Readonly<Record<string, readonly string[]>>;
}

export interface Knobs {
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly lag: { idMs: number; tagMs: number; stateMs: number };
  readonly tokenBindsOnFailure: boolean;
  readonly capacity: Map<string, number>;
  readonly vcpuQuota: Map<string, number>;
  readonly buckets: Readonly<Record<string, Bucket>>;
  readonly capacityStatus: number;
  readonly boot: { delayMs: number; outcome: (machine: Machine) => BootOutcome };
  readonly terminate: { delayMs: number; ignore: (machine: Machine) => boolean };
  readonly tombstoneMs: number;
  readonly pageLimit: number;
  readonly protect: (runnerId: string) => boolean;
  readonly onLaunch: LaunchHook | undefined;
  readonly permissions: Readonly<Record<string, readonly string[]>>;
}

/** `dies`: pending → terminated with a reason, as after a failed volume; `mute`: running, but nothing ever starts on it. */
export type BootOutcome = 'ok' | 'dies' | 'mute';

/** As AWS publishes them per account and region. */
const AWS_BUCKETS: Readonly<Record<string, Bucket>> = {
  RunInstances: { burst: 5, refillPerSecond: 2 },
  TerminateInstances: { burst: 100, refillPerSecond: 5 },
  CreateTags: { burst: 100, refillPerSecond: 10 },
  DescribeInstances: { burst: 100, refillPerSecond: 20 },
  default: { burst: 100, refillPerSecond: 20 },
};

export const ACCESS_KEY = 'AKIAFAKEFAKEFAKEFAKE';

export const toKnobs = (options: FakeEc2Options): Knobs => ({
  catalog: { ...defaultCatalog, ...options.catalog },
  clock: options.clock ?? realClock(),
  lag: { idMs: 0, tagMs: 0, stateMs: 0, ...options.lag },
  tokenBindsOnFailure: options.tokenBindsOnFailure ?? true,
  capacity: new Map(Object.entries(options.capacity ?? {})),
  vcpuQuota: new Map(Object.entries(options.vcpuQuota ?? {})),
  buckets: options.buckets === 'aws' ? AWS_BUCKETS : (options.buckets ?? {}),
  capacityStatus: options.capacityStatus ?? 500,
  boot: { delayMs: 0, outcome: () => 'ok', ...options.boot },
  terminate: { delayMs: 0, ignore: () => false, ...options.terminate },
  tombstoneMs: options.tombstoneMs ?? 3_600_000,
  pageLimit: options.pageLimit ?? 1000,
  protect: options.protect ?? (() => false),
  onLaunch: options.onLaunch,
  permissions: options.permissions ?? { [ACCESS_KEY]: ['*'] },
});
