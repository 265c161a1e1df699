import { defineConfig } from 'flamejs';
import { local } from 'flamejs/local';

export default defineConfig({
  app: 'html-to-pdf',
  functions: ['./src/tasks.ts'],
  passEnv: ['FLAME_CHROMIUM'],
  pools: { main: { max: 2, maxConcurrency: 1, idleShutdownAfter: '5s', bootTimeout: '2m', backend: local() } },
});
