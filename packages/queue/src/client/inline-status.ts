/** Where a call of inline mode is, in the words of `status()`. */
import { nameLimit } from '@flamejs/protocol/limits';
import type { PoolConfig } from '../config/types.ts';
import type { HeldInline } from './inline-limits.ts';
import type { InlineCall } from './inline-store.ts';
import type { CallStatus } from './status.ts';

/** @param held what holds it, when a limit does */
export const inlineStatus = (
  pool: PoolConfig,
  id: string,
  call: InlineCall | undefined,
  held?: HeldInline,
): CallStatus => {
  const head = call?.outcome?.head;
  const state = call === undefined ? 'unknown' : head === undefined ? call.run.state : head.ok ? 'succeeded' : 'failed';
  return {
    id,
    pool: pool.name,
    functionName: call?.request.functionName ?? '',
    state,
    reason:
      call === undefined
        ? 'gone'
        : head !== undefined
          ? 'settled'
          : call.run.state === 'running'
            ? 'running'
            : held !== undefined
              ? 'limit'
              : 'delayed',
    text:
      head === undefined
        ? held !== undefined
          ? `it waits for the ${nameLimit(held.words)}: ${held.taken} of ${held.most} run, ${held.before} before it (inline mode)`
          : `it ${state === 'unknown' ? 'is not known' : 'runs'} in this process (inline mode)`
        : head.ok
          ? 'it has finished'
          : `${head.kind}: ${head.message}`,
    attempts: call?.run.attempts ?? 0,
    runnerLosses: call?.run.losses ?? 0,
    waitedMs: 0,
    generation: call?.run.generation ?? 0,
    runnerId: undefined,
    ahead: held?.before ?? 0,
    history: [],
  };
};
