/**
 * Connections to Redis, one kind for each way of using them. All share a short, capped reconnect delay; none has ioredis'
 * per-request retry limit, since every wait of ours is bounded where it is made.
 */
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import { asBuffer } from './as-buffer.ts';
import type { BullScript } from './bullmq-scripts.ts';
import { setLongTimeout } from './duration.ts';
import { writeLargeInPlace } from './large-writes.ts';
import { outliveStreamErrors } from './late-stream-errors.ts';
import { CALL_SCRIPTS } from './lua/call-scripts.ts';
import { LUA } from './lua/embedded.ts';
import { METRIC_SCRIPTS } from './lua/metric-scripts.ts';
import { RUNNER_SCRIPTS } from './lua/runner-scripts.ts';
import { SCHEDULE_SCRIPTS } from './lua/schedule-scripts.ts';
import { nameMissingRights } from './missing-rights.ts';
import { keepErrorsQuiet } from './quiet-errors.ts';
import { explainRefusal } from './refusal.ts';
import { sendScript } from './send-script.ts';

export type RedisClient = Redis | Cluster;

/** Where Redis is: one server or a group behind Sentinel by `options`, or a cluster. */
export type RedisConfig =
  | { readonly kind: 'single'; readonly url: string | undefined; readonly options: RedisOptions }
  | {
      readonly kind: 'cluster';
      readonly nodes: readonly { host: string; port: number }[];
      readonly options: ClusterOptions;
    };

/**
 * `producer` fails a command at once while Redis is away, so that a call is never queued unseen in this process;
 * `steady` holds commands until Redis is back, for those who must get through in the end.
 */
export type ConnectionRole = 'producer' | 'steady';

const OWN = { ...CALL_SCRIPTS, ...RUNNER_SCRIPTS, ...SCHEDULE_SCRIPTS, ...METRIC_SCRIPTS };
const STEPS = Object.entries(LUA).map(([name, content]): BullScript => ({ name: `flame:${name}`, content, keys: 1 }));
const OWN_SCRIPTS: readonly BullScript[] = [...Object.values(OWN), ...STEPS];

/** A half-open link is found by TCP keep-alive instead of never. */
const DEFAULTS: RedisOptions = { keepAlive: 5_000 };

/** 50 ms, doubling up to 2 s: an outage of a minute costs at most two seconds more. */
const retryDelay = (times: number): number => Math.min(50 * 2 ** Math.min(times, 10), 2_000);

/** Opens a connection on which our own scripts are defined; BullMQ’s extended ones are with the first backend. Close it with `quit` or `disconnect`. */
export const connect = (config: RedisConfig, role: ConnectionRole, name: string): RedisClient => {
  const client = connectPlain(config, role, name);
  for (const script of OWN_SCRIPTS)
    client.defineCommand(script.name, { numberOfKeys: script.keys, lua: script.content });
  return client;
};

/** The same without any scripts, for BullMQ's own classes on queues that are not ours: there its scripts must be what they are. */
export const connectPlain = (config: RedisConfig, role: ConnectionRole, name: string): RedisClient => {
  const common: RedisOptions = {
    maxRetriesPerRequest: null,
    enableOfflineQueue: role === 'steady',
    retryStrategy: retryDelay,
    connectionName: name,
    // After a fail-over that left the connection up, the server is a replica now: only a new connection finds the primary. The
    // refused command has done nothing; a producer's caller is told, others send it again.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? (role === 'steady' ? 2 : 1) : false),
    // Keep-alive does not act while something is unanswered, and proxies answer it themselves: a command that gets no byte
    // for so long has a dead link. Longer than any of our blocking reads.
    socketTimeout: 15_000,
  };
  const client =
    config.kind === 'cluster'
      ? openCluster(config, common)
      : config.url === undefined
        ? new Redis(exact({ ...DEFAULTS, ...config.options, ...common }))
        : new Redis(config.url, exact({ ...DEFAULTS, ...config.options, ...common }));
  keepErrorsQuiet(client);
  outliveStreamErrors(client);
  nameMissingRights(client);
  writeLargeInPlace(client);
  return client;
};

const openCluster = (config: Extract<RedisConfig, { kind: 'cluster' }>, common: RedisOptions): Cluster => {
  const { enableOfflineQueue, retryStrategy: _, ...node } = { ...DEFAULTS, ...config.options.redisOptions, ...common };
  return new Cluster([...config.nodes], {
    ...config.options,
    enableOfflineQueue: enableOfflineQueue ?? true,
    clusterRetryStrategy: retryDelay,
    redisOptions: node,
  } as never);
};

/** ioredis declares some options without `| undefined`, so a spread of its own option type does not fit its constructor. */
const exact = (options: RedisOptions): never => options as never;

type ScriptName = keyof typeof OWN | keyof typeof LUA;
export type ScriptArgument = string | number | Uint8Array;

/** Runs one of our scripts. Replies are strings, or Buffers with `asBuffers` (for values that are bytes). */
export const runScript = (
  client: RedisClient,
  name: ScriptName,
  args: readonly ScriptArgument[],
  asBuffers = false,
): Promise<unknown> => {
  const defined = name in LUA ? `flame:${name}` : name;
  const command = asBuffers ? `${defined}Buffer` : defined;
  const commands = client as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const sent = args.map((arg) => (arg instanceof Uint8Array ? asBuffer(arg) : arg));
  return sendScript(() => commands[command]?.(...sent) ?? missing(name));
};

const missing = (name: string): never => {
  throw new Error(`the script "${name}" is not defined on this connection: open it with connect()`);
};

/** Closes a connection without waiting for a server that may be gone. Idempotent. */
export const disconnect = (client: RedisClient | undefined): void => {
  // ioredis would arm its timer for a socket that does not close, which nothing clears any more: 2 s that keep a process alive.
  if (client?.status !== 'end') client?.disconnect();
};

/**
 * Resolves when the connection is usable. Rejects after `timeoutMs` with the last connection error; at once when the server
 * or its certificate is refused, or refuses us, which waiting does not mend.
 */
export const whenReady = (client: RedisClient, timeoutMs: number): Promise<void> => {
  const usable = (): boolean => client.status === 'ready';
  if (usable()) return Promise.resolve();
  return new Promise((resolve, reject) => {
    let lastError: Error | undefined;
    const done = (error?: Error): void => {
      timer.clear();
      client.off('ready', onReady);
      client.off('error', onError);
      if (error) reject(error);
      else resolve();
    };
    const onReady = (): void => done();
    const onError = (error: Error): void => {
      lastError = error;
      const refusal = explainRefusal(error);
      if (refusal !== undefined) done(new Error(refusal, { cause: error }));
    };
    const timer = setLongTimeout(
      () => done(lastError ?? new Error(`no connection within ${timeoutMs} ms (${client.status})`)),
      timeoutMs,
    );
    client.on('ready', onReady);
    client.on('error', onError);
  });
};
