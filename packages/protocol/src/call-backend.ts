/**
 * BullMQ's Redis backend for whoever looks at a pool with BullMQ's own classes (Bull Board, `Queue`), and for what we leave to
 * BullMQ: removing, promoting, retrying by hand, pausing, and looking for stalled calls. Its scripts carry our grafts.
 */
import { type JobJson, RedisQueueBackend, raw2NextJobData } from 'bullmq';
import type { RedisClient } from './connect.ts';
import { sendScript } from './send-script.ts';
import { soundHash } from './sound-job.ts';

export class CallBackend extends RedisQueueBackend {
  /** Monotonic ms since when the connection has been up without a break. */
  #steadySince = Number.NEGATIVE_INFINITY;

  override execCommand(client: never, command: string, args: unknown[]): unknown {
    return sendScript(() => super.execCommand(client, command, args) as Promise<unknown>);
  }

  /**
   * Retries finished calls by hand, one generation each; BullMQ's own bulk move would leave their budgets used up.
   * @returns 0 when none is left, as BullMQ's loop expects
   */
  override async retryFinishedJobs(state: 'completed' | 'failed' = 'failed', count = 1000): Promise<number> {
    const client = await this.queue.client;
    const ids = (await client.zrange(this.toKey(state), 0, count - 1)) as string[];
    for (const id of ids) await this.retryFinishedJob({ id, opts: {} } as never, state);
    return ids.length < count ? 0 : 1;
  }

  /** The connection is (again) up: stalled checks wait until every runner could renew its locks. */
  noteReconnect(): void {
    this.#steadySince = performance.now();
  }

  override async moveStalledJobsToWait(): Promise<string[]> {
    const lockMs = (this.queue.opts as { lockDuration?: number }).lockDuration ?? 0;
    if (performance.now() - this.#steadySince < lockMs) return [];
    return super.moveStalledJobsToWait();
  }

  /** As BullMQ reads it, and a damaged one as far as it can be read: it must not break the list that it stands in. */
  override async getJobData(jobId: string): Promise<JobJson | undefined> {
    const client = (await this.queue.client) as unknown as RedisClient;
    const hash = await client.hgetall(this.queue.toKey(jobId));
    if (Object.keys(hash).length === 0) return undefined;
    return (raw2NextJobData([soundHash(Object.entries(hash).flat()), jobId] as never) as unknown as [JobJson])[0];
  }
}
