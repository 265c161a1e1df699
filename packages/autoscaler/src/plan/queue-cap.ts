/** How many slots a queue of BullMQ has work for, whatever waits: its limiter and its global concurrency. Pure. */
import type { QueueLimit } from '@flamejs/protocol';

export interface QueueBounds {
  /** Most active jobs of the whole queue; `undefined` for no bound. */
  readonly globalConcurrency: number | undefined;
  /** Active jobs that workers of others have. */
  readonly elsewhere: number;
  readonly limit: QueueLimit | undefined;
  /** For so long the limiter lets nothing begin, ms; 0 when it does. */
  readonly usedUpForMs: number;
}

export interface QueueCap {
  readonly slots: number;
  readonly reason: string;
}

export interface CapInput {
  /** Jobs that run on this pool's runners, or wait to be taken back. */
  readonly active: number;
  /** Mean time of a job, ms; `null` while it is not known. */
  readonly serviceTimeMs: number | null;
  readonly bootTimeoutMs: number;
}

/** @returns the tightest bound; `null` for none */
export const queueCap = (bounds: QueueBounds, { active, serviceTimeMs, bootTimeoutMs }: CapInput): QueueCap | null => {
  const { globalConcurrency, elsewhere, limit, usedUpForMs } = bounds;
  const caps: QueueCap[] = [];
  if (globalConcurrency !== undefined) {
    const others = elsewhere === 0 ? '' : `, ${elsewhere} of it taken by other workers`;
    const reason = `the queue's global concurrency is ${globalConcurrency}${others}`;
    caps.push({ slots: Math.max(0, globalConcurrency - elsewhere), reason });
  }
  if (limit !== undefined) {
    const { max, durationMs } = limit;
    const named = `the queue's limiter lets ${max} begin in ${durationMs} ms`;
    // As many at once as begin while one of them runs.
    const slots = Math.ceil(max * Math.max(1, (serviceTimeMs ?? 0) / durationMs));
    // Longer than a machine takes to come: one that is launched now would only wait.
    if (usedUpForMs > bootTimeoutMs)
      caps.push({ slots: active, reason: `${named}, and is used up for ${Math.ceil(usedUpForMs / 1000)} s` });
    else caps.push({ slots, reason: named });
  }
  return caps.sort((a, b) => a.slots - b.slots)[0] ?? null;
};
