/** What users write in flame.config.ts. The sentences here and in the schema are the same; a test compares them. */

import type { Bytes } from '@flamejs/protocol/bytes';
import type { Duration } from '@flamejs/protocol/duration';
import type { PayloadStep } from '@flamejs/protocol/payload/read-payload';
import type { ClusterOptions, RedisOptions } from 'ioredis';
import type { PoolBackend } from '../backend.ts';
import type { PoolLimit } from '../limits.ts';
import type { Policy } from '../scaling.ts';
import type { Telemetry } from '../telemetry/types.ts';
import type { AlertsInput } from './read-alerts.ts';
import type { IdleInfo, PoolHooks } from './types.ts';

/** A URL, ioredis' options (with `sentinels` for Sentinel), or the nodes of a cluster with ioredis' cluster options. */
export type RedisInput =
  | string
  | RedisOptions
  | {
      readonly cluster: readonly (string | { readonly host: string; readonly port?: number | undefined })[];
      readonly options?: ClusterOptions | undefined;
    };

/** `idleShutdownAfter` with a question that can keep a runner. */
export interface IdleInput {
  readonly after: Duration;
  /** Asked before an idle runner is drained; `true` keeps it for another period. */
  readonly unless?: ((info: IdleInfo) => boolean | Promise<boolean>) | undefined;
}

/** A queue of BullMQ, as `new Queue(queue, { prefix })` names it. */
export interface BullmqInput {
  readonly queue?: string | undefined;
  readonly prefix?: string | undefined;
}

/** A pool, as `defineConfig` takes it. Every option and its default: docs/configuration.md. */
export interface PoolInput extends PoolHooks {
  /** Fewest runners, kept ready without any call; 0 is scale-to-zero. */
  readonly min?: number | undefined;
  /** Most runners; physical instances never exceed it. */
  readonly max?: number | undefined;
  /** Calls at once on one runner, each in a process of its own. */
  readonly maxConcurrency?: number | undefined;
  /** Ends a runner after its first call; needs `maxConcurrency` 1. */
  readonly singleUse?: boolean | undefined;
  /** Calls after which the process that runs them is replaced by a fresh one; 1 gives each call a process of its own. */
  readonly maxCallsPerExecutor?: number | undefined;
  /** Longest execution of one attempt of a call, unless the call says otherwise; waiting does not count. */
  readonly timeout?: Duration | undefined;
  /** Longest time from launching a runner to its first heartbeat; after it the boot has failed. */
  readonly bootTimeout?: Duration | undefined;
  /** How long calls in flight may go on after SIGTERM, a deploy or a spot notice; then they return to the queue. */
  readonly shutdownTimeout?: Duration | undefined;
  /** How long a runner beyond `min` stays without calls; `{ after, unless }` asks `unless` first. */
  readonly idleShutdownAfter?: Duration | IdleInput | undefined;
  /** How long there must be too many runners before one is let go. */
  readonly scaleDownWindow?: Duration | undefined;
  /** What separates calls: `process` survives crashes of any kind; `thread` is lighter, for trusted code only. */
  readonly isolation?: 'process' | 'thread' | undefined;
  /** Resident memory that one executor may use; beyond it the call ends with FlameMemoryError. One that keeps 70 % of it between calls is replaced. */
  readonly memoryLimit?: Bytes | undefined;
  /** How long a call that was told to stop may take before its process is killed. */
  readonly killGrace?: Duration | undefined;
  /** Which runners may take a call: `strict` only those of its caller's release, `compatible` every one that has the very same function. */
  readonly releasePolicy?: 'strict' | 'compatible' | undefined;
  /** Largest encoded arguments, and largest encoded result. */
  readonly payloadLimit?: Bytes | undefined;
  /** Bytes of a stream that may be under way unread, beside at most 1,000 items; then `yield` waits. */
  readonly streamWindow?: Bytes | undefined;
  /** Bytes of a stream that are kept after its owner has read them, for those who attach. */
  readonly streamRetention?: Bytes | undefined;
  /** How long the window of a stream may be full while nobody reads; then its function is stopped. */
  readonly readTimeout?: Duration | undefined;
  /** How long the function of a stream may yield nothing although it could; then it is stopped. */
  readonly idleTimeout?: Duration | undefined;
  /** Most calls that may wait; further ones are refused with FlameQueueFullError. */
  readonly maxPending?: number | undefined;
  /** Limits by name, such as `{ openai: { concurrency: 20, rate: '500/1m' } }`, that functions and closures of this pool may name as their `limit`. */
  readonly limits?: Readonly<Record<string, PoolLimit>> | undefined;
  /** Which calls a function may look at, cancel and retry: `own` those that it made or whose ids are among its arguments, `all` every call of the app. */
  readonly callAccess?: 'own' | 'all' | undefined;
  /** Modules that this pool's runners load, in the place of the app's `functions`: less to load, and less memory for each process. */
  readonly functions?: readonly string[] | undefined;
  /** Environment variables of the pool's runners, beside their own, and of its executors, which get little else: see `passEnv`. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Variables of the runner that its executors get too, by name or pattern (`AWS_*`, `*`), beside the documented basics and those of the app. Secrets of Flame are never among them. */
  readonly passEnv?: readonly string[] | undefined;
  /** What a call may leave to the next one in its executor: `children` (a browser that stays open), `ports`. An executor with anything else of the kind left is replaced. */
  readonly keep?: readonly ('children' | 'ports')[] | undefined;
  /** What provisions runners: `local()`, `docker()`, `ec2()` or your own; `external()` where a platform does; without one, runners are started by hand. */
  readonly backend?: PoolBackend | undefined;
  /** Decides how many runners there should be: `queueDepth()`, `waitTime()`, `schedule()`, … or your own. */
  readonly policy?: Policy | undefined;
  /** Free slots kept ready beyond what calls use. */
  readonly buffer?: number | undefined;
  /** The queue of BullMQ that its runners serve with the processor given to `flame.worker`: `{ queue, prefix }`, by default the name of the pool and `bull`. */
  readonly bullmq?: BullmqInput | undefined;
  /** Lets the processors of a BullMQ pool reach Redis: they get `REDIS_URL`, and nothing is withheld for holding its password. */
  readonly passRedis?: boolean | undefined;
  /** Dollars that a machine of this pool costs an hour, in the place of what the price lists say. */
  readonly price?: number | undefined;
}

/** `openssl rand -base64 32` makes a key. */
export interface EncryptionKeyInput {
  /** Stands beside what was encrypted, in the open: 1 to 40 letters, digits and `._-`, never used for another key. */
  readonly id: string;
  /** 32 bytes: base64 or hex text, or the bytes themselves. */
  readonly key: string | Uint8Array;
}

/** @typeParam Pool the names of its pools */
export interface ConfigInput<Pool extends string = string> {
  /** Names the application: part of every key in Redis and of every label on machines. */
  readonly app: string;
  /** Where Redis is: a URL, ioredis options, Sentinel options or `{ cluster: nodes, options }`; FLAME_REDIS_URL wins over it. */
  readonly redis?: RedisInput | undefined;
  /** Modules that runners load, as paths or glob patterns relative to the config file. */
  readonly functions?: readonly string[] | undefined;
  /** The pools by name; names are lower-case letters, digits and `-`. */
  readonly pools: Readonly<Record<Pool, PoolInput>>;
  /** Variables of runners that the executors of every pool get too, by name or pattern (`AWS_*`, `*`), beside the documented basics. Secrets of Flame are never among them. */
  readonly passEnv?: readonly string[] | undefined;
  /** Most runners of all pools together, whatever their `max` adds up to; physical instances never exceed it. */
  readonly quota?: number | undefined;
  /** First part of every key in Redis. */
  readonly prefix?: string | undefined;
  /** How long a call waits for Redis to be reachable before it fails with FlameUnavailableError. */
  readonly connectTimeout?: Duration | undefined;
  /** Names the version of the code that callers and runners run; FLAME_RELEASE wins over it. */
  readonly release?: string | undefined;
  /** Secret of at least 16 characters that signs calls; needed when Redis is on another host; FLAME_SIGNING_KEY wins over it. */
  readonly signingKey?: string | undefined;
  /** Keys for `flame.secret` and `encrypt()`: the first encrypts, all decrypt; FLAME_ENCRYPTION_KEYS (`id:key,id:key`) wins over it. */
  readonly encryptionKeys?: readonly EncryptionKeyInput[] | undefined;
  /** What happens to the bytes of calls in Redis, in order: `compress()`, `encrypt()` of `flamejs/payload`, or `{ name, seal, open }`. */
  readonly payload?: PayloadStep | readonly PayloadStep[] | undefined;
  /** How long a runner goes on without a heartbeat of the autoscaler before it drains and ends its machine. */
  readonly heartbeatTimeout?: Duration | undefined;
  /** How long a runner waits for the autoscaler's first heartbeat before it ends its machine. */
  readonly failsafeTimeout?: Duration | undefined;
  /** Most calls that await each other in a row; a further one is refused with FlameCallLoopError. */
  readonly maxCallDepth?: number | undefined;
  /** Casts a second in one line of calls that make each other, once a function stands in its own line; further ones are refused with FlameCallLoopError. */
  readonly maxLoopRate?: number | undefined;
  /** How long after a signed call is due runners may begin it; at least the call's `failedTtl` and 7 days more. */
  readonly signatureTtl?: Duration | undefined;
  /** Refuses signed calls that do not say when they are due, as callers of before this option made them. */
  readonly requireSignedTime?: boolean | undefined;
  /** Traces calls across processes: `otel()` of `flamejs/otel`. */
  readonly telemetry?: Telemetry | undefined;
  /** Who is told when something is wrong: `{ on, webhook: { url, secret }, waitLongerThan }`. */
  readonly alerts?: AlertsInput | undefined;
  /** Accepts a Redis that evicts keys when memory is short, and with it the loss of calls. */
  readonly allowEviction?: boolean | undefined;
  /** Accepts a Redis on another host without authentication. */
  readonly allowInsecureRedis?: boolean | undefined;
}
