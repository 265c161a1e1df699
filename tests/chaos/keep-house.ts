/** What the autoscaler's leader does for a pool, without its machines: for faults in which no runner lives long. */
import { connect, createHousekeeping, STALLED_CHECK_MS } from '@flamejs/protocol';
import type { Fleet } from '../support/fleet.ts';

export const keepHouse = ({ config, keys }: Fleet): { stop(): void } => {
  const client = connect(config.redis, 'steady', 'flame:test:house');
  client.on('error', () => undefined);
  const house = createHousekeeping(client, keys(), 'main', config);
  const timer = setInterval(() => {
    // A server that is away is what some tests are about; the next round finds it back.
    house.recoverStalled().catch(() => undefined);
  }, STALLED_CHECK_MS);
  return {
    stop() {
      clearInterval(timer);
      client.disconnect();
    },
  };
};
