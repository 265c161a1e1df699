import { defineConfig } from 'flamejs';
import { local } from 'flamejs/local';

/** One pool for each worker that has moved: `bullmq` says which queue it serves. */
export default defineConfig({
  app: 'from-bullmq',
  redis: process.env.REDIS_URL,
  functions: ['./src/workers.ts'],
  pools: {
    mail: { bullmq: {}, max: 2, maxConcurrency: 2, bootTimeout: '2m', backend: local() },
    images: { bullmq: {}, max: 2, maxConcurrency: 2, bootTimeout: '2m', backend: local() },
    orders: { bullmq: {}, max: 1, bootTimeout: '2m', backend: local() },
  },
});
