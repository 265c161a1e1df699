import { defineConfig } from 'flamejs';
import { local } from 'flamejs/local';

export default defineConfig({
  app: 'fastify-app',
  functions: ['./src/tasks.ts'],
  pools: { main: { max: 2, maxConcurrency: 2, idleShutdownAfter: '5s', bootTimeout: '2m', backend: local() } },
});
