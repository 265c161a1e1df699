/**
 * A pool as Bull Board sees a queue. BullMQ keeps of a call only what moves it; arguments, results and errors have keys
 * of their own. A list shows heads and sizes; only a single call is looked into, and only up to a size.
 */
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { parseEnvelope, parseHead } from '@flamejs/protocol';
import { redactText } from '@flamejs/queue/internal';
import type { Job } from 'bullmq';
import { pipelined } from '../operations/link.ts';
import type { Operations } from '../operations/operations.ts';
import { showArguments, showInline, showOutcome } from '../operations/payloads.ts';
import { type Json, LIST_LIMITS, PAGE_LIMITS } from '../operations/present.ts';
import type { Shown } from '../operations/types.ts';

/** Encoded bytes that the page of one call reads; the link beside it leads to the rest. */
const ONE_BYTES = 64 * 1024;
/** A list shows arguments that are no larger; 50 of them stay well below what a browser draws with ease. */
const LIST_BYTES = 512;

type BoardJob = Awaited<ReturnType<BullMQAdapter['getJobs']>>[number];

export class PoolAdapter extends BullMQAdapter {
  readonly #operations: Operations;
  readonly #pool: string;

  constructor(operations: Operations, pool: string, hrefOf: (callId: string) => string) {
    const options = {
      // A call that has succeeded has no arguments any more. (Bull Board reads it without declaring it.)
      allowCompletedRetries: false,
      externalJobUrl: (job: { id?: unknown }) => ({ displayText: 'Open in Flame', href: hrefOf(String(job.id)) }),
    };
    super(operations.queues.of(pool) as never, options as never);
    this.#operations = operations;
    this.#pool = pool;
  }

  override async getJobs(...args: Parameters<BullMQAdapter['getJobs']>): Promise<BoardJob[]> {
    const jobs = (await super.getJobs(...args)) as BoardJob[];
    const { link } = this.#operations;
    const keys = link.keys(this.#pool);
    const heads = await pipelined(
      link.client,
      jobs.map((job) => ['hget', keys.outcome(idOf(job)), 'head'] as const),
    );
    for (const [i, job] of jobs.entries()) {
      dress(job, { data: briefArguments(job), returnvalue: briefOutcome(heads[i]) });
    }
    return jobs;
  }

  override async getJobLogs(id: string): Promise<string[]> {
    return (await super.getJobLogs(id)).map(redactText);
  }

  override async getJob(id: string): ReturnType<BullMQAdapter['getJob']> {
    const job = await super.getJob(id);
    if (job === null || job === undefined) return job;
    const { link } = this.#operations;
    // Bull Board does not tell us who asks, and stacks are for operators: its pages leave them to the call's own page.
    const options = { limit: ONE_BYTES, stacks: false, present: PAGE_LIMITS };
    const [args, outcome] = await Promise.all([
      showArguments(link, this.#pool, id, options),
      showOutcome(link, this.#pool, id, options),
    ]);
    dress(job as BoardJob, { data: whole(args), returnvalue: whole(outcome) });
    return job;
  }
}

const idOf = (job: BoardJob): string => String(job.toJSON().id);

/** Only what is drawn changes; the job that Bull Board retries or removes stays what it is. */
const dress = (job: BoardJob, shown: { readonly data: Json; readonly returnvalue: Json }): void => {
  const plain = (job as unknown as Job).toJSON.bind(job);
  Object.assign(job, { toJSON: () => ({ ...plain(), ...shown, ...failureOf(job as unknown as Job) }) });
};

/** BullMQ keeps the error's message in these. */
const failureOf = ({ failedReason, stacktrace }: Job): object => ({
  ...(typeof failedReason === 'string' && { failedReason: redactText(failedReason) }),
  ...(Array.isArray(stacktrace) && { stacktrace: stacktrace.map((line) => redactText(String(line))) }),
});

const briefArguments = (job: BoardJob): Json => {
  const envelope = parseEnvelope((job as unknown as Job).data);
  if (typeof envelope === 'string') return { note: `not a call of Flame: ${envelope}` };
  const { size, opts, release } = envelope;
  const more = { release, timeoutMs: opts.timeoutMs, retries: opts.retries };
  return { arguments: showInline(envelope, LIST_BYTES) ?? `${bytes(size)}, not loaded`, ...more };
};

const briefOutcome = (head: unknown): Json => {
  if (typeof head !== 'string') return null;
  const { ok, kind, message, size } = parseHead(head);
  const text = redactText(message.slice(0, 2 * LIST_LIMITS.text));
  return ok ? { result: `${bytes(size)}, not loaded` } : { error: kind, message: text };
};

const whole = (shown: Shown): Json => {
  switch (shown.kind) {
    case 'none':
      return null;
    case 'value':
      return shown.value;
    case 'error': {
      const { name, message, code, advice, causes } = shown.error;
      return {
        error: name,
        message,
        ...(code && { code }),
        ...(advice && { advice }),
        ...(causes.length > 0 && { causes }),
      };
    }
    case 'too-large':
      return { note: `${bytes(shown.size)}: open the call in Flame to load it` };
    case 'unreadable':
      return { note: `${bytes(shown.size)} that cannot be shown here: ${shown.message}` };
  }
};

const bytes = (size: number): string => `${size.toLocaleString('en-US')} bytes`;
