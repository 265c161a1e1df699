/**
 * The worker as the application holds it: an emitter of its events, fed by BullMQ's QueueEvents. It opens a connection when somebody
 * listens, and none at all where processors run.
 */
import { EventEmitter } from 'node:events';
import { FlameUnavailableError } from '@flamejs/protocol/errors';
import { isExecutor } from '../client/executor-side.ts';
import type { AppConfig, PoolConfig } from '../config/types.ts';
import type { OpenQueue } from './open-queue.ts';
import { askRunner } from './processor.ts';
import type { FlameWorker } from './types.ts';

export interface QueueListenerOptions {
  readonly config: AppConfig;
  readonly pool: PoolConfig & { readonly bullmq: NonNullable<PoolConfig['bullmq']> };
  /** False in inline mode, where there is no Redis. */
  readonly listens: boolean;
  /** Hears of errors where the application listens to none. */
  readonly onError: (error: unknown, queue: string) => void;
}

/** Events that come from the queue; the others are this object's own. */
const FROM_QUEUE: ReadonlySet<unknown> = new Set(['active', 'completed', 'failed', 'progress', 'stalled', 'drained']);

export const createQueueListener = (options: QueueListenerOptions): FlameWorker<unknown, unknown> => {
  const { config, pool } = options;
  const listens = options.listens && !isExecutor();
  let opening: Promise<OpenQueue> | undefined;
  let closing: Promise<void> | undefined;

  const report = (error: unknown): void => {
    if (closing !== undefined) return;
    if (emitter.listenerCount('error') > 0) emitter.emit('error', error);
    else options.onError(error, pool.bullmq.queue);
  };

  const open = (): Promise<OpenQueue> => {
    opening ??= import('./open-queue.ts').then(({ openQueue }) => openQueue(config, pool.bullmq, emitter, report));
    return opening;
  };

  const listen = (): void => {
    if (opening !== undefined || closing !== undefined) return;
    open()
      .then((opened) => opened.ready())
      .then(() => emitter.emit('ready'), report);
  };

  const emitter = Object.assign(new EventEmitter(), {
    name: pool.bullmq.queue,
    pool: pool.name,
    async waitUntilReady() {
      if (!listens) return;
      listen();
      await bounded(
        open().then((opened) => opened.ready()),
        config,
      );
    },
    async rateLimit(expireTimeMs: number) {
      if (isExecutor()) await askRunner('rateLimit', [expireTimeMs]);
      else if (listens) await (await open()).rateLimit(expireTimeMs);
    },
    close() {
      closing ??= (async () => {
        await (await opening?.catch(() => undefined))?.close();
        emitter.emit('closed');
      })();
      return closing;
    },
  });
  emitter.on('newListener', (event) => {
    if (listens && FROM_QUEUE.has(event)) listen();
  });
  return emitter as unknown as FlameWorker<unknown, unknown>;
};

const bounded = async (ready: Promise<unknown>, config: AppConfig): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `Redis could not be reached within ${config.connectTimeoutMs} ms`;
    timer = setTimeout(() => reject(new FlameUnavailableError(message, { enqueued: 'no' })), config.connectTimeoutMs);
  });
  await Promise.race([ready, late]).finally(() => clearTimeout(timer));
};
