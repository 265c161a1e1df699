/** Answers what a processor asks of its job, in an executor, with BullMQ's own job here. */
import { packJobReply, parseJobRequest, toPlain } from '@flamejs/queue/internal';
import type { Job } from 'bullmq';

export interface JobBridgeOptions {
  readonly job: Job;
  /** Lets the queue begin nothing for so long. */
  readonly rateLimit: (ms: number) => Promise<void>;
  /** Answers what is not about the job: calls that the processor makes. */
  readonly otherwise: ((request: Uint8Array) => Promise<Uint8Array>) | undefined;
}

/** @returns the reply's bytes. It rejects for a request that cannot be read */
export const createJobBridge =
  ({ job, rateLimit, otherwise }: JobBridgeOptions) =>
  async (bytes: Uint8Array): Promise<Uint8Array> => {
    const request = parseJobRequest(bytes);
    if (request === undefined) {
      if (otherwise === undefined) throw new Error('This runner does not pass on calls of functions.');
      return otherwise(bytes);
    }
    const { method, args } = request;
    try {
      const value = await (method === 'rateLimit' ? rateLimit(Number(args[0])) : call(job, method, args));
      return packJobReply({ ok: true, value: JSON.stringify(value) });
    } catch (error) {
      return packJobReply({ ok: false, error: toPlain(error) });
    }
  };

/** The names were checked: they are those of a list. */
const call = (job: Job, method: string, args: readonly unknown[]): unknown =>
  (job as unknown as Record<string, (...args: readonly unknown[]) => unknown>)[method]?.(...args);
