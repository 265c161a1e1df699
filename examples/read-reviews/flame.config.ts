import { defineConfig } from 'flamejs';
import { local } from 'flamejs/local';

export default defineConfig({
  app: 'read-reviews',
  functions: ['./src/tasks.ts'],
  // Warm for as long as somebody asks: the model goes with the machine.
  pools: { main: { max: 1, maxConcurrency: 2, idleShutdownAfter: '5s', backend: local() } },
});
