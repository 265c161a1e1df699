/** A handle that is there at once, although what serves it is loaded with its first use. */
import type { CallHandle } from './handle.ts';

export const lazyHandle = <Result>(id: string, load: () => Promise<CallHandle<Result>>): CallHandle<Result> => ({
  id,
  result: async (options) => (await load()).result(options),
  status: async () => (await load()).status(),
  cancel: async (reason) => (await load()).cancel(reason),
  retry: async () => (await load()).retry(),
  async *progress() {
    yield* (await load()).progress();
  },
});
