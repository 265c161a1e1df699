import { defineConfig } from '@flamejs/queue';

export default defineConfig({
  app: 'bench',
  // There is no autoscaler whose heartbeats would keep the runners; without this they end after a minute.
  failsafeTimeout: '1h',
  functions: ['./tasks.mjs'],
  pools: {
    one: { max: 1, maxConcurrency: 1 },
    many: { max: 1, maxConcurrency: 100 },
    few: { max: 1, maxConcurrency: 4 },
    unserved: { max: 1, maxConcurrency: 1 },
    cold: { min: 0, max: 1, maxConcurrency: 1, idleShutdownAfter: '500ms' },
  },
});
