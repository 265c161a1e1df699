/** A handle that is there at once, although what serves it is loaded with its first use. */
import type { AppConfig, PoolConfig } from '../config/types.ts';
import type { CallMaker } from './call-maker.ts';
import type { CallControls, CallHandle } from './handle.ts';
import { attachStream } from './stream/open-stream.ts';

export const lazyHandle = <Result>(
  config: AppConfig,
  pool: PoolConfig,
  id: string,
  maker: () => Promise<CallMaker>,
): CallHandle<Result> => {
  const load = async (): Promise<CallControls<Result>> => (await maker()).handle(pool, id);
  return {
    id,
    stream: (options) => attachStream(config, pool, id, maker, options) as never,
    result: async (options) => (await load()).result(options),
    status: async () => (await load()).status(),
    cancel: async (reason) => (await load()).cancel(reason),
    retry: async () => (await load()).retry(),
    async *progress() {
      yield* (await load()).progress();
    },
  };
};
