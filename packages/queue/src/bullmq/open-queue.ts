/** The connection of a worker as the application holds it. A module of its own: BullMQ and the client are loaded by the first that listens. */
import type { EventEmitter } from 'node:events';
import { queueBase } from '@flamejs/protocol/bullmq/legacy-schedules';
import { connectPlain, disconnect } from '@flamejs/protocol/connect';
import { type Job, Queue, QueueEvents } from 'bullmq';
import type { BullmqQueue } from '../config/read-bullmq.ts';
import type { AppConfig } from '../config/types.ts';

type Report = (error: unknown) => void;

export interface OpenQueue {
  /** Resolves when events are heard. */
  ready(): Promise<void>;
  rateLimit(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** For the events under way when it is closed. */
const CLOSE_MS = 2_000;

/** @param to gets the queue's events, with their jobs, as BullMQ's Worker would emit them */
export const openQueue = (
  config: AppConfig,
  { queue: name, prefix }: BullmqQueue,
  to: EventEmitter,
  report: Report,
): OpenQueue => {
  const connection = connectPlain(config.redis, 'steady', `flame:${config.app}:worker:${name}`);
  connection.on('error', report);
  const shared = { connection: connection as never, prefix };
  const queue = new Queue(name, { ...shared, skipMetasUpdate: true });
  queue.on('error', report);
  let closed = false;

  /** From where the stream ends now: BullMQ's own start, at its first read, would miss what happens until then. */
  const listen = async (): Promise<QueueEvents> => {
    const newest = await connection.xrevrange(`${queueBase({ queue: name, prefix })}events`, '+', '-', 'COUNT', 1);
    const events = new QueueEvents(name, { ...shared, lastEventId: newest[0]?.[0] ?? '0-0' });
    events.on('error', report);
    forward(queue, events, to, report);
    if (closed) await events.close();
    return events;
  };
  const listening = listen();
  // Whoever waits for it reports it.
  listening.catch(() => undefined);

  const close = async (): Promise<void> => {
    const events = await listening.catch(() => undefined);
    await Promise.all([events?.close(), queue.close()]);
  };

  return {
    async ready() {
      await listening;
    },
    async rateLimit(ms) {
      await queue.rateLimit(ms);
    },
    async close() {
      closed = true;
      await Promise.race([close(), new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref())]).catch(report);
      disconnect(connection);
    },
  };
};

/** One event after the other, as they happened: fetching the job must not let a later one overtake. */
const forward = (queue: Queue, events: QueueEvents, to: EventEmitter, report: Report): void => {
  let last = Promise.resolve();
  const inOrder = (event: string, work: () => Promise<readonly unknown[]>): void => {
    if (to.listenerCount(event) === 0) return;
    last = last
      .then(work)
      .then((args) => void to.emit(event, ...args), report)
      .catch(report);
  };
  const jobOf = async (id: string): Promise<Job | undefined> => (await queue.getJob(id)) ?? undefined;
  const jobOrId = async (id: string): Promise<object> =>
    (await jobOf(id)) ?? { id, name: '', data: undefined, opts: {} };

  events.on('active', ({ jobId, prev }) => inOrder('active', async () => [await jobOrId(jobId), prev ?? 'waiting']));
  events.on('completed', ({ jobId, returnvalue, prev }) =>
    inOrder('completed', async () => {
      const job = await jobOrId(jobId);
      return [Object.assign(job, { returnvalue }), returnvalue, prev ?? 'active'];
    }),
  );
  events.on('failed', ({ jobId, failedReason, prev }) =>
    inOrder('failed', async () => [await jobOf(jobId), new Error(failedReason), prev ?? 'active']),
  );
  events.on('progress', ({ jobId, data }) => inOrder('progress', async () => [await jobOrId(jobId), data]));
  events.on('stalled', ({ jobId }) => inOrder('stalled', async () => [jobId, 'active']));
  events.on('drained', () => inOrder('drained', async () => []));
};
