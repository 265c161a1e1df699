/** Answers platforms that ask for the number of a pool with `external()`: any autoscaler does, by the leader's last decision in Redis. */
import { appKeys, type RedisClient, readDecisions } from '@flamejs/protocol';
import type { AppConfig } from '@flamejs/queue';
import { isExternal } from '@flamejs/queue/internal';
import type { Logger } from 'pino';
import { serveGrpc } from './grpc.ts';
import { type Listener, type ReadNumbers, serveHttp } from './http.ts';
import type { ScalerSettings } from './settings.ts';

export interface Scaler {
  readonly port: number | undefined;
  readonly grpcPort: number | undefined;
  close(): Promise<void>;
}

/** @param client fails fast; stays the caller's @throws FlameConfigError when it cannot listen; then nothing of it does */
export const startScaler = async (
  settings: ScalerSettings,
  { config, client, log }: { readonly config: AppConfig; readonly client: RedisClient; readonly log: Logger },
): Promise<Scaler> => {
  const pools = Object.values(config.pools).filter(({ backend }) => isExternal(backend));
  const names = pools.map(({ name }) => name);
  const keys = appKeys(config.prefix, config.app);
  const read: ReadNumbers = () => readDecisions(client, keys, names);
  if (names.length === 0) log.warn('nobody will ask for a number: no pool has external()');
  const open: Listener[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(open.map((listener) => listener.close()));
  };
  try {
    const http = settings.port === undefined ? undefined : await serveHttp(settings, read, log);
    if (http !== undefined) open.push(http);
    const grpc = settings.grpcPort === undefined ? undefined : await serveGrpc(settings, names, read, log);
    if (grpc !== undefined) open.push(grpc);
    log.info({ port: http?.port, grpcPort: grpc?.port, pools: names }, 'platforms may ask for their number');
    return { port: http?.port, grpcPort: grpc?.port, close };
  } catch (error) {
    await close();
    throw error;
  }
};
