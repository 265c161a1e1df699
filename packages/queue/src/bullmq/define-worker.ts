/** `flame.worker`: finds the pool that serves a queue of BullMQ, and registers its processor where runners look for it. */
import { configError } from '@flamejs/protocol/errors/input-errors';
import type { Logger } from 'pino';
import { callerOf } from '../caller.ts';
import type { AppConfig, PoolConfig } from '../config/types.ts';
import { registerFunction } from '../registry.ts';
import { type Definition, isSameFunction } from '../same-function.ts';
import { aboutName, backoffName, processorName } from './names.ts';
import { processorHandlers } from './processor.ts';
import { createQueueListener } from './queue-listener.ts';
import type { DefineWorker, FlameWorker, WorkerOptions, WorkerProcessor } from './types.ts';
import { readWorkerOptions } from './worker-options.ts';

type ServingPool = PoolConfig & { readonly bullmq: NonNullable<PoolConfig['bullmq']> };

export interface WorkersOptions {
  /** Whether this process may listen to queues: not in inline mode. */
  readonly listens: boolean;
  readonly logger: Logger | undefined;
}

export interface Workers {
  readonly define: DefineWorker;
  close(): Promise<void>;
}

export const createWorkers = (config: AppConfig, { listens, logger }: WorkersOptions): Workers => {
  const listeners: FlameWorker<unknown, unknown>[] = [];
  const onError = (error: unknown, queue: string): void => {
    const message = 'listening to the events of a queue: an error';
    if (logger === undefined) process.stderr.write(`flame: queue ${queue}: ${message}: ${String(error)}\n`);
    else logger.warn({ err: error, queue }, message);
  };

  const define = (
    queue: string,
    processor: string | URL | WorkerProcessor<never, unknown>,
    options: WorkerOptions = {},
  ): FlameWorker<unknown, unknown> => {
    const pool = servingPool(config, queue, options.prefix);
    const bullmq = readWorkerOptions(queue, options);
    if (typeof processor !== 'function' && typeof processor !== 'string' && !(processor instanceof URL))
      throw configError(`flame.worker('${queue}')`, [
        { path: 'processor', message: 'expected a function, or the path or URL of a file that exports one' },
      ]);
    const place = callerOf(define);
    const where = { source: place?.file, position: place?.position };
    claim(queue, pool.name, { handler: typeof processor === 'function' ? processor : () => processor, ...where });
    const handlers = processorHandlers(processor as never, bullmq, options.settings);
    const register = (name: string, handler: unknown): void =>
      registerFunction({
        name,
        handler: handler as never,
        ...where,
        pool: pool.name,
        resumable: false,
        options: {},
        retryIf: undefined,
        backoff: undefined,
      });
    register(processorName(pool.name), handlers.process);
    register(aboutName(pool.name), handlers.about);
    register(backoffName(pool.name), handlers.backoff);
    const listener = createQueueListener({ config, pool, listens, onError });
    listeners.push(listener);
    return listener;
  };

  return {
    define: define as unknown as DefineWorker,
    async close() {
      await Promise.all(listeners.map((listener) => listener.close()));
    },
  };
};

/** @returns why nothing can be called on this pool */
export const servesQueue = ({ name, bullmq }: PoolConfig): string =>
  `the runners of pool "${name}" serve the queue "${bullmq?.queue}" of BullMQ: add a job there, or give the function another pool`;

/** The processors of this process by pool. */
const known = new Map<string, Definition>();

/** Like functions, a worker may be evaluated again, by a reload or in another chunk of a bundle; two of one queue are a mistake. */
const claim = (queue: string, pool: string, definition: Definition): void => {
  const before = known.get(pool);
  if (before !== undefined && !isSameFunction(before, definition, false)) {
    const message = `this queue has a worker already: it is defined in ${before.source ?? 'an unknown module'} and in ${definition.source ?? 'an unknown module'}`;
    throw configError(`flame.worker('${queue}')`, [{ path: 'queue', message }]);
  }
  known.set(pool, definition);
};

const servingPool = (config: AppConfig, queue: string, prefix: string | undefined): ServingPool => {
  const fitting = Object.values(config.pools).filter(
    (pool): pool is ServingPool =>
      pool.bullmq?.queue === queue && (prefix === undefined || pool.bullmq.prefix === prefix),
  );
  const [only, another] = fitting;
  if (only !== undefined && another === undefined) return only;
  const message =
    only === undefined
      ? `no pool of flame.config serves ${prefix === undefined ? 'this queue' : `this queue under the prefix "${prefix}"`}: add a pool with \`bullmq: { queue: '${queue}'${prefix === undefined ? '' : `, prefix: '${prefix}'`} }\``
      : `the pools ${fitting.map(({ name }) => name).join(', ')} serve queues of this name: give the option \`prefix\``;
  throw configError(`flame.worker('${queue}')`, [{ path: 'queue', message }]);
};
