/** What a runner does when nothing is heard of the autoscaler: it ends, or, where its platform would start it again at once, it pauses. */
import { appKeys, type RedisClient } from '@flamejs/protocol';
import type { AppConfig, PoolConfig } from '@flamejs/queue';
import type { Logger } from 'pino';
import type { CallLoop } from './call-loop.ts';
import { type HeartbeatWatch, type HeartbeatWatchOptions, watchAutoscaler } from './terminator.ts';

export interface SilenceOptions {
  readonly client: RedisClient;
  readonly config: AppConfig;
  readonly pool: PoolConfig;
  /** It is a platform's to start: what ends comes up again. */
  readonly pauses: boolean;
  readonly loop: Pick<CallLoop, 'hold' | 'release'>;
  readonly logger: Logger;
  readonly onEnd: (why: string) => void;
}

export const watchForSilence = (options: SilenceOptions): HeartbeatWatch => {
  const { client, config, pool, pauses, loop, logger, onEnd } = options;
  const end: HeartbeatWatchOptions['onSilent'] = (why, silentMs) => {
    logger.warn({ silentMs }, 'nothing is heard of the autoscaler: this runner ends');
    onEnd(why);
  };
  return watchAutoscaler({
    ...{ client, keys: appKeys(config.prefix, config.app) },
    failsafeTimeoutMs: pool.failsafeTimeoutMs,
    heartbeatTimeoutMs: pool.heartbeatTimeoutMs,
    ...(pauses ? pauseForSilence(loop, logger) : { onSilent: end }),
  });
};

/** Until the autoscaler is back it takes nothing, and what runs goes on. */
const pauseForSilence = (
  loop: SilenceOptions['loop'],
  logger: Logger,
): Pick<HeartbeatWatchOptions, 'onSilent' | 'onHeard'> => ({
  onSilent(_, silentMs) {
    logger.warn({ silentMs }, 'nothing is heard of the autoscaler: this runner takes no calls until it is back');
    loop.hold('silence');
  },
  onHeard() {
    logger.info('the autoscaler is heard of again');
    loop.release('silence');
  },
});
