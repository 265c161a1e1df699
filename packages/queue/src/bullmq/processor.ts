/** Runs a processor where it lives, and tells the runner what it came to. */
import { FlameUnavailableError } from '@flamejs/protocol/errors';
import { transportOf } from '../client/executor-side.ts';
import { currentContext } from '../context.ts';
import { createJob } from './job.ts';
import { fromPlain, type PlainError, packJobRequest, readJobReply, toPlain } from './job-messages.ts';
import { loadProcessor } from './load-processor.ts';
import type { WorkerOptions, WorkerProcessor } from './types.ts';
import type { BullmqOptions } from './worker-options.ts';

type Processor = WorkerProcessor<unknown, unknown>;

/** What a processor came to: its value as JSON, or what it threw. */
export type Processed =
  | { readonly ok: true; readonly value: string | undefined }
  | { readonly ok: false; readonly error: PlainError };

export interface AboutWorker {
  readonly options: BullmqOptions;
  /** It has a backoff of its own. */
  readonly hasBackoff: boolean;
}

/** Asks the runner. @throws what the method ended with */
export const askRunner = async (method: string, args: readonly unknown[]): Promise<unknown> => {
  const transport = transportOf();
  if (transport === undefined) throw new FlameUnavailableError('this executor is not ready', { enqueued: 'no' });
  return readJobReply(await transport(packJobRequest(method, args)));
};

/** The handlers that runners call. */
export const processorHandlers = (
  given: string | URL | Processor,
  options: BullmqOptions,
  settings: WorkerOptions['settings'],
) => {
  let loading: Promise<Processor> | undefined;
  const load = (): Promise<Processor> => {
    loading ??= typeof given === 'function' ? Promise.resolve(given) : loadProcessor(given);
    return loading;
  };
  const jobOf = (json: string, token: string) =>
    createJob(JSON.parse(json) as Record<string, unknown>, token, askRunner);

  return {
    async process(json: string, token: string): Promise<Processed> {
      const processor = await load();
      try {
        const value = await processor(jobOf(json, token), token, currentContext().signal);
        return { ok: true, value: JSON.stringify(value) };
      } catch (error) {
        return { ok: false, error: toPlain(error) };
      }
    },
    async about(): Promise<AboutWorker> {
      // What cannot be loaded is found out before a job is taken for it.
      await load();
      return { options, hasBackoff: settings?.backoffStrategy !== undefined };
    },
    async backoff(attemptsMade: number, type: string | undefined, error: PlainError, json: string): Promise<number> {
      return (await settings?.backoffStrategy?.(attemptsMade, type, fromPlain(error), jobOf(json, ''))) ?? 0;
    },
  };
};
