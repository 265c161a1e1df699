/** From a pool at zero to the first result, against what node needs to start and load the same modules. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Flame } from '@flamejs/queue';
import type { Case } from './case.ts';
import type { World } from './world.ts';

const SETTLE_MS = 20_000;

// biome-ignore lint/suspicious/noExplicitAny: the application is plain JavaScript
export const coldStartCase = (world: World, flame: Flame, cold: any, runnersKey: string): Case => ({
  name: 'first result from an idle pool at zero',
  unit: 'ms',
  budget: 1.5,
  peerName: 'node starting with the same modules',
  rounds: 5,
  async ours() {
    await untilEmpty(world, runnersKey);
    const started = performance.now();
    await flame.call(cold);
    return performance.now() - started;
  },
  async peer() {
    const started = performance.now();
    const script = fileURLToPath(new URL('../peers/load-only.mjs', import.meta.url));
    await once(spawn(process.execPath, [script], { stdio: 'ignore' }), 'exit');
    return performance.now() - started;
  },
});

const untilEmpty = async (world: World, runnersKey: string): Promise<void> => {
  const until = performance.now() + SETTLE_MS;
  while ((await world.redis.zcard(runnersKey)) > 0) {
    if (performance.now() > until) throw new Error('the pool did not go back to zero');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
