import { defineConfig } from 'flamejs';
import { fleet } from './src/fleet.ts';

export default defineConfig({
  app: 'image-resize',
  redis: process.env.REDIS_URL,
  // A build lists what it has emitted instead: its manifest says which file has which closure.
  functions: [process.env.FLAME_MANIFEST ?? './src/{thumbnails,tasks/*}.ts'],
  pools: {
    images: {
      min: 0, // no runner, and no cost, while there is nothing to do
      max: 3,
      maxConcurrency: 2, // calls at once on each runner
      idleShutdownAfter: '3s',
      timeout: '30s',
      bootTimeout: '2m', // generous: a demo should also work on a machine that is busy with other things
      // Called by the autoscaler when runners come and go; here they only feed the display.
      onGrowStart: fleet.onGrowStart,
      onGrowEnd: fleet.onGrowEnd,
      onShrink: fleet.onShrink,
    },
  },
});
