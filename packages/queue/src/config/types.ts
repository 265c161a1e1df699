/** The parsed configuration: fully defaulted, readonly, durations in milliseconds. Nothing behind the parser repeats a default. */

import type { AlertsConfig } from '@flamejs/protocol/alerts/send-alerts';
import type { RedisConfig } from '@flamejs/protocol/connect';
import type { EncryptionKey, PayloadTransform } from '@flamejs/protocol/payload/types';
import type { PoolBackend } from '../backend.ts';
import type { ParsedNumbers } from '../limits.ts';
import type { Policy } from '../scaling.ts';
import type { Telemetry } from '../telemetry/types.ts';
import type { BullmqQueue } from './read-bullmq.ts';

export type { RedisConfig };

/** A runner that is being started: what `onGrowStart` is told. */
export interface GrowInfo {
  readonly pool: string;
  readonly runnerId: string;
  /** Runners of the pool, this one included, that are not gone. */
  readonly count: number;
}
/** Whether it came up: what `onGrowEnd` is told. */
export interface GrowEndInfo extends GrowInfo {
  readonly ok: boolean;
  readonly reason?: string;
}
/** A runner that is let go, and why: what `onShrink` is told. */
export interface ShrinkInfo extends GrowInfo {
  readonly reason: string;
}

/** A runner without calls, before it is drained: what `idleShutdownAfter.unless` is asked with. */
export interface IdleInfo {
  readonly pool: string;
  readonly runnerId: string;
  readonly idleMs: number;
}

/** Called by the autoscaler when a pool grows or shrinks. What they throw is logged, and changes nothing. */
export interface PoolHooks {
  readonly onGrowStart?: (info: GrowInfo) => unknown;
  readonly onGrowEnd?: (info: GrowEndInfo) => unknown;
  readonly onShrink?: (info: ShrinkInfo) => unknown;
}

/** A pool with every default filled in: durations in milliseconds, sizes in bytes. */
export interface PoolConfig {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly maxConcurrency: number;
  readonly singleUse: boolean;
  /** After so many calls an executor is replaced by a fresh process; `undefined` for never. */
  readonly maxCallsPerExecutor: number | undefined;
  readonly timeoutMs: number;
  readonly bootTimeoutMs: number;
  readonly shutdownTimeoutMs: number;
  readonly idleShutdownAfterMs: number;
  /** Asked before an idle runner is drained; `true` keeps it for another period. */
  readonly idleUnless: ((info: IdleInfo) => boolean | Promise<boolean>) | undefined;
  readonly scaleDownWindowMs: number;
  /** How long its runners go on without a heartbeat of the autoscaler, and wait for the first. */
  readonly heartbeatTimeoutMs: number;
  readonly failsafeTimeoutMs: number;
  readonly isolation: 'process' | 'thread';
  /** Bytes of resident memory that one executor may use; `undefined` for no limit. */
  readonly memoryLimit: number | undefined;
  readonly killGraceMs: number;
  /** Which runners may take a call: those of its caller's release, or every one that has the very same function. */
  readonly releasePolicy: 'strict' | 'compatible';
  /** Bytes of encoded arguments, and of an encoded result. */
  readonly payloadLimit: number;
  /** Bytes of a stream that may be under way unread. */
  readonly streamWindow: number;
  /** Bytes of a stream that are kept after they were read. */
  readonly streamRetention: number;
  /** How long a full window may stand unread. */
  readonly readTimeoutMs: number;
  /** How long a function may yield nothing although it could. */
  readonly idleTimeoutMs: number;
  readonly maxPending: number;
  /** By name. */
  readonly limits: Readonly<Record<string, ParsedNumbers>>;
  /** Which calls the functions of its runners may look at, cancel and retry: those they made or were given, or all of the app. */
  readonly callAccess: 'own' | 'all';
  /** Glob patterns or paths of the modules that its runners load, relative to the app's `root`. */
  readonly functions: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Names and patterns of variables that executors get of their runner's own: the app's, then the pool's. */
  readonly passEnv: readonly string[];
  /** What calls may leave to the next one in their executor. */
  readonly keep: readonly ('children' | 'ports')[];
  readonly backend: PoolBackend | undefined;
  readonly policy: Policy | undefined;
  readonly buffer: number;
  /** Dollars that a machine of it costs an hour, in the place of the provider's list. */
  readonly price: number | undefined;
  /** The queue of BullMQ that its runners serve; `undefined` for a pool of calls. */
  readonly bullmq?: BullmqQueue | undefined;
  /** Its processors may reach Redis. */
  readonly passRedis?: boolean | undefined;
  readonly hooks: PoolHooks;
}

/** What `defineConfig` returns: the configuration with every default filled in. */
export interface AppConfig {
  readonly app: string;
  /** First part of every key; `flame` unless set. */
  readonly prefix: string;
  /** Most runners of all pools together; `undefined` for no bound but each pool's `max`. */
  readonly quota: number | undefined;
  readonly redis: RedisConfig;
  readonly connectTimeoutMs: number;
  /** Glob patterns or paths of modules, relative to `root`, as configured for all pools; each pool has its own list, resolved. */
  readonly functions: readonly string[];
  /** The application's root: the folder of the config file. */
  readonly root: string;
  /** Where the config was loaded from, when it came from a file. */
  readonly configFile: string | undefined;
  readonly release: string;
  /** Nobody named it: it was derived from what is on the disk, and another process may come to another one. */
  readonly releaseDerived?: true;
  readonly signingKey: string | undefined;
  /** Of `flame.secret` and of `encrypt()`; the first encrypts, all decrypt. Empty without any. */
  readonly encryptionKeys: readonly EncryptionKey[];
  /** What bytes of calls go through on their way into Redis, in order. */
  readonly payload: readonly PayloadTransform[];
  /** As configured for all pools; each pool has its own value, resolved. */
  readonly heartbeatTimeoutMs: number | undefined;
  readonly failsafeTimeoutMs: number | undefined;
  /** Most calls that await each other in a row. */
  readonly maxCallDepth: number;
  /** Casts a second of one line of descent, once a function stands in its own line. */
  readonly maxLoopRate: number;
  /** How long after a call is due it may still be begun. */
  readonly signatureTtlMs: number;
  /** Whether signed calls that do not say when they are due are refused. */
  readonly requireSignedTime: boolean;
  /** What makes spans of calls; `undefined` for nothing. */
  readonly telemetry: Telemetry | undefined;
  /** Who is told when something is wrong; `undefined` for nobody. */
  readonly alerts: AlertsConfig | undefined;
  readonly allowEviction: boolean;
  readonly allowInsecureRedis: boolean;
  readonly pools: Readonly<Record<string, PoolConfig>>;
}
