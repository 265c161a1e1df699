import { defineConfig } from 'flamejs';
import { local } from 'flamejs/local';

export default defineConfig({
  app: 'nightly-report',
  functions: ['./src/tasks.ts'],
  pools: { main: { max: 2, maxConcurrency: 1, idleShutdownAfter: '5s', bootTimeout: '2m', backend: local() } },
});
