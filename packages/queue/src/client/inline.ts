/**
 * Inline mode: calls run in this process, without Redis, through the same encoding, context, rules and errors, so that a test
 * sees what production would. What needs another process is not there: a busy loop cannot be stopped, and calls are lost
 * with the process.
 */
import { configError } from '@flamejs/protocol/errors/input-errors';
import type { AppConfig, PoolConfig } from '../config/types.ts';
import { beginBy, type CallMaker } from './call-maker.ts';
import type { CallControls } from './handle.ts';
import { inlineHooks } from './inline-hooks.ts';
import { createInlineLines } from './inline-lines.ts';
import { createInlinePlace } from './inline-place.ts';
import { overPlace } from './over-place.ts';
import { lateFeed } from './stream/inline-items.ts';

export const createInlineCaller = (config: AppConfig): CallMaker => {
  const place = createInlinePlace(config);
  const lines = createInlineLines(config, place);
  const made = overPlace(config, place);

  /** With the rights of the function that asks, if one does. */
  const handle = <Result>(pool: PoolConfig, id: string): CallControls<Result> => {
    const plain = made.handle<Result>(pool, id);
    const check = async (): Promise<void> => lines.check(id, pool.name);
    return {
      id,
      result(options) {
        inlineHooks().awaited(id);
        const wait = async (): Promise<Result> => {
          lines.mayAwait(id);
          return plain.result(options);
        };
        // At once where nothing has to be checked, so that an error shows who asked.
        return lines.check(id, pool.name)?.then(wait) ?? wait();
      },
      async status() {
        await check();
        return plain.status();
      },
      async cancel(reason) {
        await check();
        return plain.cancel(reason);
      },
      async retry() {
        await check();
        return plain.retry();
      },
      async *progress() {
        await check();
        yield* plain.progress();
      },
    };
  };

  /** Streams on their way. */
  const accepting = new Map<string, Promise<unknown>>();

  const accept: CallMaker['submit'] = async (request, settler, id) => {
    const asked = await lines.descended(request);
    await place.accept(id, asked, settler);
    lines.made(id);
    return id;
  };

  const submit: CallMaker['submit'] = (request, settler, id) => {
    const accepted = accept(request, settler, id);
    if (request.stream !== undefined) {
      accepting.set(id, accepted);
      accepted.finally(() => accepting.delete(id)).catch(() => undefined);
    }
    return accepted;
  };

  return {
    ...made,
    handle,
    submit,
    begin: beginBy(submit),
    feed: (pool, id, isOwner) =>
      // It may not be accepted yet.
      lateFeed(async () => {
        await accepting.get(id)?.catch(() => undefined);
        await lines.check(id, pool.name);
        return place.get(id)?.items?.stream.feed(id, isOwner);
      }),
    schedule: (id) => {
      const message = 'inline mode has no autoscaler to run schedules';
      throw configError(`flame.schedule('${id}')`, [{ path: 'mode', message }]);
    },
    async close() {
      place.close();
    },
  };
};
