/**
 * The caller's side of the connection: opened at the first use, checked once, bounded in every wait. Commands never wait
 * unseen in this process: while Redis is away they fail, and the error says whether the call may have been accepted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, disconnect, type RedisClient, whenReady } from '@flamejs/protocol/connect';
import { type LongTimeout, setLongTimeout } from '@flamejs/protocol/duration';
import { FlameClosedError, FlameConfigError, FlameUnavailableError } from '@flamejs/protocol/errors';
import { admitServer, readServerFacts, type ServerFacts } from '@flamejs/protocol/server-check';
import type { Logger } from 'pino';
import type { AppConfig } from '../config/types.ts';
import { type Admission, createAdmission } from './admission.ts';
import { holdForCommands, letIdle } from './idle-connection.ts';
import { createKeepAlive, type KeepAlive } from './keep-alive.ts';

export interface Link {
  /** The command connection, connected and checked. @throws FlameUnavailableError after `connectTimeout`, FlameConfigError for an unsafe server */
  client(): Promise<RedisClient>;
  /** A further connection, for blocking reads and channels; closed with the link. */
  reader(name: string): RedisClient;
  /** Closes one of these before the link is closed. */
  drop(reader: RedisClient): void;
  /** Bounds a command that is under way: rejects with `enqueued: 'unknown'` when the connection has been gone for `connectTimeout`. */
  bounded<T>(command: Promise<T>, callId?: string): Promise<T>;
  /**
   * Sends again, for at most `connectTimeout`, what our own client did not send: a connection that has just broken is found out
   * by the first command on it.
   */
  whileUnsent<T>(send: (client: RedisClient) => Promise<T>): Promise<T>;
  /** Redis' clock, ms, as it was known at the last connection; this machine's where Redis does not tell. */
  now(): number;
  /** Whether Redis has been reached and found fit, at any time. */
  readonly known: boolean;
  /** Looks whether the server is still the one that it was; tells the listeners of reconnects when it is not. */
  verify(): Promise<void>;
  /** Called after every reconnect with whether the server has kept its identity (and so, most likely, its data). */
  onReconnect(listener: (sameServer: boolean) => void): void;
  /** Refuses new calls while Redis is nearly full, so that those it has can still be finished. */
  readonly admission: Admission;
  /** Held while something is under way; the connections themselves let the process end. */
  readonly alive: KeepAlive;
  close(): void;
}

/** Time for the client to notice that its connection is gone. */
const UNSENT_PAUSE_MS = 20;

const isUnsent = (error: unknown): boolean => error instanceof Error && error.message.includes('enableOfflineQueue');

export const createLink = (config: AppConfig, logger: Logger): Link => {
  const { connectTimeoutMs } = config;
  const listeners = new Set<(sameServer: boolean) => void>();
  const readers = new Set<RedisClient>();
  const brokenWaits = new Set<(error: Error) => void>();
  const alive = createKeepAlive();
  let client: RedisClient | undefined;
  let becomingReady: Promise<void> | undefined;
  let checked: Promise<void> | undefined;
  let verifying: Promise<void> | undefined;
  let reached = false;
  let isFit = false;
  let runId = '';
  let offsetMs = 0;
  let closed = false;
  let brokenTimer: LongTimeout | undefined;

  const unavailable = (enqueued: 'no' | 'unknown', cause?: unknown): FlameUnavailableError =>
    new FlameUnavailableError(
      `Redis could not be reached within ${connectTimeoutMs} ms${cause instanceof Error ? `: ${cause.message}` : ''}`,
      { enqueued, cause },
    );

  const open = (): RedisClient => {
    const opened = connect(config.redis, 'producer', `flame:${config.app}:caller`);
    letIdle(opened);
    const letGo = holdForCommands(opened, alive);
    opened.on('error', (error: Error) => logger.debug({ err: error }, 'redis connection error'));
    opened.on('close', () => {
      if (closed) return;
      brokenTimer ??= setLongTimeout(() => {
        for (const reject of [...brokenWaits]) reject(unavailable('unknown'));
        letGo();
      }, connectTimeoutMs).unref();
    });
    opened.on('ready', () => {
      brokenTimer?.clear();
      brokenTimer = undefined;
      // The first connection is checked by client(); this is for the later ones.
      if (checked !== undefined) void isSame(opened).then(tell);
    });
    return opened;
  };

  const readFacts = async (opened: RedisClient): Promise<ServerFacts> => {
    const facts = await readServerFacts(opened);
    if (facts.now !== undefined) offsetMs = facts.now - Date.now();
    return facts;
  };

  /** @returns whether it is the server that it was before. One that cannot tell is taken for the same. */
  const isSame = async (opened: RedisClient): Promise<boolean> => {
    const facts = await readFacts(opened);
    // Gone again at once: the next connection tells.
    if (facts.runId === '') return true;
    const same = facts.runId === runId;
    runId = facts.runId;
    return same;
  };

  const tell = (sameServer: boolean): void => {
    for (const listener of listeners) listener(sameServer);
  };

  const check = async (opened: RedisClient): Promise<void> => {
    const facts = await readFacts(opened);
    runId = facts.runId;
    reached = true;
    for (const message of admitServer(facts, config.allowEviction)) logger.warn({ app: config.app }, message);
  };

  const ready = async (): Promise<RedisClient> => {
    if (closed) throw new FlameClosedError('this flame object has been closed');
    client ??= open();
    if (client.status !== 'ready') {
      // Thousands of calls may wait for one connection; they share one wait.
      becomingReady ??= whenReady(client, connectTimeoutMs).finally(() => {
        becomingReady = undefined;
      });
      await becomingReady.catch((cause) => {
        throw closed ? new FlameClosedError('this flame object has been closed') : unavailable('no', cause);
      });
    }
    checked ??= check(client).catch((error) => {
      // A server that was not judged is judged again at the next call.
      checked = undefined;
      throw error instanceof FlameConfigError ? error : unavailable('no', error);
    });
    await checked;
    isFit = true;
    return client;
  };

  /** What `ready` resolves with, when that is known without waiting. */
  const usable = (): RedisClient | undefined => (isFit && !closed && client?.status === 'ready' ? client : undefined);

  const admission = createAdmission(() => (client?.status === 'ready' ? client : undefined));

  return {
    admission,
    now: () => Math.round(Date.now() + offsetMs),
    alive,
    get known() {
      return reached;
    },
    client: ready,
    async whileUnsent(send) {
      const until = performance.now() + connectTimeoutMs;
      for (;;) {
        const connected = usable() ?? (await ready());
        try {
          return await send(connected);
        } catch (error) {
          if (!isUnsent(error) || performance.now() > until) throw error;
          await sleep(UNSENT_PAUSE_MS);
        }
      }
    },
    reader(name) {
      const reader = connect(config.redis, 'steady', name);
      letIdle(reader);
      reader.on('error', (error: Error) => logger.debug({ err: error }, 'redis reader error'));
      readers.add(reader);
      return reader;
    },
    drop(reader) {
      readers.delete(reader);
      disconnect(reader);
    },
    bounded(command, callId) {
      return new Promise((resolve, reject) => {
        const onBroken = (error: Error): void => {
          brokenWaits.delete(onBroken);
          if (callId !== undefined) Object.assign(error, { callId });
          reject(error);
        };
        brokenWaits.add(onBroken);
        command.then(
          (value) => {
            brokenWaits.delete(onBroken);
            resolve(value);
          },
          (error) => {
            brokenWaits.delete(onBroken);
            reject(error);
          },
        );
      });
    },
    verify() {
      if (client === undefined) return Promise.resolve();
      const asked = client;
      verifying ??= isSame(asked)
        .then((same) => {
          if (!same) tell(false);
        })
        .finally(() => {
          verifying = undefined;
        });
      return verifying;
    },
    onReconnect(listener) {
      listeners.add(listener);
    },
    close() {
      closed = true;
      brokenTimer?.clear();
      disconnect(client);
      for (const reader of readers) disconnect(reader);
    },
  };
};
