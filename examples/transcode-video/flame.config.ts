import { defineConfig } from 'flamejs';
import { local } from 'flamejs/local';

export default defineConfig({
  app: 'transcode-video',
  functions: ['./src/tasks.ts'],
  // ffmpeg uses all processors of a machine by itself: one call at a time.
  pools: { video: { max: 2, maxConcurrency: 1, idleShutdownAfter: '5s', backend: local() } },
});
