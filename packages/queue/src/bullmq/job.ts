/** A job as its processor sees it, in an executor: plain data, and methods that the runner carries out. */
import { FlameJobMethodError } from '@flamejs/protocol/errors';
import { JOB_METHODS, MISSING_METHODS } from './job-methods.ts';
import type { WorkerJob } from './types.ts';

/** Asks the runner for a method of the job. */
export type AskRunner = (method: string, args: readonly unknown[]) => Promise<unknown>;

type Fields = Record<string, unknown>;

/** @param json what BullMQ's `job.asJSONSandbox()` gives */
export const createJob = (json: Fields, token: string, ask: AskRunner): WorkerJob => {
  const { data, returnvalue, stacktrace, ...rest } = json;
  const job: Fields = {
    ...rest,
    token,
    data: parsed(data, {}),
    stacktrace: parsed(stacktrace, []),
    returnvalue: parsed(returnvalue, undefined),
  };
  for (const method of JOB_METHODS) define(job, method, (...args: readonly unknown[]) => ask(method, args));
  // Seen at once by the processor itself, as with BullMQ's own job.
  define(job, 'updateProgress', (progress: unknown) => {
    job.progress = progress;
    return ask('updateProgress', [progress]);
  });
  define(job, 'updateData', async (value: unknown) => {
    await ask('updateData', [value]);
    job.data = value;
  });
  define(job, 'toJSON', () => ({ ...rest, data: job.data, progress: job.progress }));
  for (const method of MISSING_METHODS)
    Object.defineProperty(job, method, {
      enumerable: false,
      get() {
        throw missing(method);
      },
    });
  return job as unknown as WorkerJob;
};

const missing = (method: string): FlameJobMethodError =>
  new FlameJobMethodError(
    `job.${method} is not there in a processor on a runner, which has no connection to Redis; there are ${JOB_METHODS.join(', ')}`,
    { method },
  );

/** A copy of the job (`{ ...job }`, or as JSON) has its data and no methods, as one of BullMQ's own has. */
const define = (job: Fields, name: string, value: (...args: never) => unknown): void => {
  Object.defineProperty(job, name, { value, enumerable: false, configurable: true, writable: true });
};

const parsed = (text: unknown, otherwise: unknown): unknown => {
  if (typeof text !== 'string') return text ?? otherwise;
  try {
    return JSON.parse(text);
  } catch {
    return otherwise;
  }
};
