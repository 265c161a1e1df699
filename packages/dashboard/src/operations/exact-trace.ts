/** The finished calls of a pool as a trace: which came when, and how long each ran. */
import type { TracedCall } from '@flamejs/queue';
import { type Link, pipelined } from './link.ts';
import { toNumber } from './numbers.ts';

/** Ids that are read at a time: no command of ours may hold Redis for long. */
const PAGE = 500;

/** Calls that have ended and of which Redis still knows (`resultTtl`, `failedTtl`), the last attempt of each. In no order. */
export async function* readTrace(link: Link, pool: string): AsyncGenerator<TracedCall> {
  const { queue } = link.keys(pool);
  for (const state of ['completed', 'failed']) {
    for (let from = 0; ; from += PAGE) {
      const ids = await link.client.zrange(`${queue}${state}`, String(from), String(from + PAGE - 1));
      if (ids.length === 0) break;
      const jobs = await pipelined(
        link.client,
        ids.map((id) => ['hmget', `${queue}${id}`, 'timestamp', 'opts', 'processedOn', 'finishedOn']),
      );
      for (const job of jobs) {
        const [timestamp, opts, processedOn, finishedOn] = Array.isArray(job) ? job : [];
        const begunAt = toNumber(processedOn);
        // What never began took no slot.
        if (begunAt === 0) continue;
        const at = Math.min(toNumber(timestamp) + delayOf(opts), begunAt);
        yield { at, durationMs: Math.max(0, toNumber(finishedOn) - begunAt) };
      }
    }
  }
}

const delayOf = (opts: unknown): number => {
  try {
    return Math.max(0, toNumber(JSON.parse(String(opts)).delay));
  } catch {
    return 0;
  }
};
