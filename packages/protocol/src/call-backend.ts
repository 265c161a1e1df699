/**
 * BullMQ's Redis backend with our protocol in it: the arguments that the extended scripts need are added here, and what
 * they report at a pick-up is kept until the runner asks for it.
 */
import { type JobJson, RedisQueueBackend, raw2NextJobData } from 'bullmq';
import { asBuffer } from './as-buffer.ts';
import type { RedisClient } from './connect.ts';
import { createInterruptible } from './interruptible.ts';
import { SUPERSEDED } from './lua/grafts.ts';
import { isPassing, pauseBefore } from './passing-errors.ts';
import { type PickUp, type RawHash, toPickUp } from './pick-up.ts';
import { sendScript } from './send-script.ts';
import { soundHash } from './sound-job.ts';
import { INLINE_REPLY_BYTES, type Verdict } from './verdict.ts';

export interface AcceptedCall {
  readonly id: string;
  readonly name: string;
  /** The envelope as JSON text. */
  readonly data: string;
  readonly delayMs: number;
  readonly priority: number;
  readonly fingerprint: string;
  /** Reply stream to announce to, '' for nobody. */
  readonly waiter: string;
  readonly queueTimeoutMs: number;
  readonly deadlineInMs: number;
  readonly deadlineAt: number;
  readonly resultTtlMs: number;
  readonly failedTtlMs: number;
  readonly failOnLoss: boolean;
  readonly maxPending: number;
  /** Of the caller. */
  readonly release: string;
  /** Whose end cancels the call: a caller, or an attempt of a call (`linkToCall`); '' for none. */
  readonly link: string;
  /** The call of a function that awaits it, '' for none. */
  readonly awaitedBy: string;
  /** Packed arguments that are too large for the job hash. */
  readonly largeArgs: Uint8Array | undefined;
}

/** Where each fenced script has the job's id among its arguments, keys first. */
const JOB_ID_AT: Readonly<Record<string, number>> = {
  moveToFinished: 14,
  moveJobFromActiveToWait: 9,
  moveToDelayed: 13,
  retryJob: 14,
};
/** How many arguments, keys included, a fenced script has before ours. */
const OWN_ARGUMENTS_AT: Readonly<Record<string, number>> = {
  moveToFinished: 23,
  moveJobFromActiveToWait: 12,
  moveToDelayed: 20,
  retryJob: 17,
};

/** The accept script's refusal: `ID_CONFLICT` or `QUEUE_FULL`. */
export interface Refusal {
  readonly refused: number;
}

interface Marker {
  readonly member: string;
  readonly score: number;
}

export class CallBackend extends RedisQueueBackend {
  readonly #verdicts = new Map<string, Verdict>();
  /** By call and attempt: after an outage two replies for the same call may arrive one after the other. */
  readonly #pickUps = new Map<string, PickUp>();
  /** Calls that this process has picked up and not yet moved on, with their newest attempt. */
  readonly #held = new Map<string, number>();
  readonly #wait = createInterruptible<Marker | null>(null);
  /** Monotonic ms since when the connection has been up without a break. */
  #steadySince = Number.NEGATIVE_INFINITY;
  #accepted: AcceptedCall | undefined;
  /** Redis time minus this machine's wall clock, by the last reply. For BullMQ's own wake-up timers only. */
  #offsetMs = 0;

  /** Adds a call in one round trip. @returns the id, or why it was refused: one of our negative codes. */
  async accept(call: AcceptedCall): Promise<string | Refusal> {
    const client = await this.queue.client;
    this.#accepted = call;
    // The command is built synchronously inside, so the next call cannot take this one's place.
    const reply = this.addJobToTransaction(
      client,
      {
        id: call.id,
        name: call.name,
        data: call.data,
        opts: { delay: call.delayMs, priority: call.priority, attempts: 1 },
        timestamp: 0,
        delay: call.delayMs,
        priority: call.priority,
      } as never,
      call.id,
    );
    this.#accepted = undefined;
    return reply as unknown as Promise<string | Refusal>;
  }

  /** What an attempt decided; goes with the next fenced move of that job, as often as that has to be sent. */
  decide(callId: string, verdict: Verdict): void {
    this.#verdicts.set(callId, verdict);
  }

  /** What the script reported of this pick-up, by BullMQ's `ats`. `undefined` for a job that is not a call of ours. */
  takePickUp(callId: string, attempt: number): PickUp | undefined {
    const key = pickUpKey(callId, attempt);
    const pickUp = this.#pickUps.get(key);
    this.#pickUps.delete(key);
    return pickUp;
  }

  /** Whether this process holds the call, or this attempt of it: picked up, and neither finished nor handed back. */
  holds(callId: string, attempt?: number): boolean {
    return attempt === undefined ? this.#held.has(callId) : this.#held.get(callId) === attempt;
  }

  /** This attempt is no longer ours: superseded, or taken back while we were away. */
  letGo(callId: string, attempt: number): void {
    if (this.#held.get(callId) === attempt) this.#held.delete(callId);
    if (this.#verdicts.get(callId)?.attempt === attempt) this.#verdicts.delete(callId);
  }

  override execCommand(client: never, command: string, args: unknown[]): unknown {
    const call = this.#accepted;
    if (call !== undefined && command.startsWith('add')) return this.#add(client, command, args, call);
    const at = JOB_ID_AT[command];
    if (at !== undefined) return this.#move(client, command, args, String(args[at]));
    const askedAt = performance.now();
    const reply = this.#send(client, command, args);
    return command === 'moveToActive' ? reply.then((raw) => this.#noteReply(raw, askedAt)) : reply;
  }

  /** The move of a call that we hold. Redis may be loading, full or failing over: that passes, and the work is done. */
  async #move(client: never, command: string, args: unknown[], id: string): Promise<unknown> {
    const verdict = this.#verdicts.get(id);
    const sent = verdict === undefined ? args : withVerdict(command, args, verdict);
    for (let attempt = 1; ; attempt += 1) {
      const askedAt = performance.now();
      try {
        const raw = await this.#send(client, command, sent);
        this.letGo(id, verdict?.attempt ?? this.#held.get(id) ?? 0);
        return command === 'moveToFinished' || raw === SUPERSEDED ? this.#noteReply(raw, askedAt) : raw;
      } catch (error) {
        if (verdict === undefined || this.closing !== undefined || !isPassing(error)) throw error;
        await pauseBefore(attempt);
      }
    }
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

  /** Ends a `waitForJob` that is under way, without touching its connection. A wake-up that it takes later is passed on. */
  interruptWait(): void {
    this.#wait.interrupt((marker) => {
      if (marker === null) return;
      const again = this.queue.client.then((client) =>
        (client as unknown as RedisClient).zadd(this.toKey('marker'), 0, '0'),
      );
      // The next poll of any runner finds the call too.
      again.catch(() => undefined);
    });
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

  override async waitForJob(blockTimeout: number): Promise<Marker | null> {
    const marker = await this.#wait.run(() => super.waitForJob(blockTimeout));
    // A marker's score is a due time by Redis' clock; BullMQ compares it with this machine's.
    return marker !== null && marker.score > 0 ? { ...marker, score: marker.score - this.#offsetMs } : marker;
  }

  #add(client: never, command: string, args: unknown[], call: AcceptedCall): unknown {
    const meta = JSON.stringify({
      fp: call.fingerprint,
      waiter: call.waiter,
      queueTimeout: call.queueTimeoutMs,
      deadlineIn: call.deadlineInMs,
      deadlineAt: call.deadlineAt,
      resultTtl: call.resultTtlMs,
      failedTtl: call.failedTtlMs,
      failOnLoss: call.failOnLoss ? '1' : '0',
      maxPending: call.maxPending,
      link: call.link,
      awaitedBy: call.awaitedBy,
      release: call.release,
      delay: call.delayMs,
    });
    const reply = this.#send<string | number>(client, command, [
      ...args,
      meta,
      call.largeArgs === undefined ? '' : asBuffer(call.largeArgs),
    ]);
    // BullMQ would turn a negative number into an error without a class.
    return reply.then((raw) => (typeof raw === 'number' && raw <= SUPERSEDED ? { refused: raw } : raw));
  }

  #send<T = unknown>(client: never, command: string, args: unknown[]): Promise<T> {
    return sendScript(() => super.execCommand(client, command, args) as Promise<T>);
  }

  #noteReply(raw: unknown, askedAt: number): unknown {
    // A superseded attempt must not disturb the worker: to it, its job is simply finished.
    if (raw === SUPERSEDED) return 0;
    if (!Array.isArray(raw)) return raw;
    const at = Number(raw[4]);
    if (Number.isFinite(at)) this.#offsetMs = at - Date.now();
    if (Array.isArray(raw[0])) {
      raw[0] = soundHash(raw[0]);
      const id = String(raw[1]);
      const pickUp = toPickUp(raw[0] as RawHash, at, askedAt);
      if (pickUp !== undefined) {
        this.#pickUps.set(pickUpKey(id, pickUp.ats), pickUp);
        this.#held.set(id, pickUp.ats);
      }
    }
    // The time of the next delayed job is compared with this machine's clock too.
    if (Number(raw[3]) > 0) raw[3] = Number(raw[3]) - this.#offsetMs;
    return raw;
  }
}

const pickUpKey = (callId: string, attempt: number): string => `${callId} ${attempt}`;

const withVerdict = (command: string, args: unknown[], verdict: Verdict): unknown[] => {
  const padded = [...args];
  while (padded.length < (OWN_ARGUMENTS_AT[command] ?? 0)) padded.push('');
  const { attempt, generation, outcome, count, park, unbegun, ended } = verdict;
  const fields = {
    attempt,
    generation,
    ...(count === undefined ? {} : { count }),
    ...(park === undefined ? {} : { park }),
    ...(unbegun === undefined ? {} : { unbegun }),
    ...(ended === undefined ? {} : { ended }),
    ...(outcome === undefined
      ? {}
      : { head: JSON.stringify(outcome.head), ok: outcome.head.ok, inlineLimit: INLINE_REPLY_BYTES }),
  };
  padded.push(JSON.stringify(fields), outcome === undefined ? '' : asBuffer(outcome.body));
  return padded;
};
