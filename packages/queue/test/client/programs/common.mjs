/** A small application, as a user would write it; what it prints is what the test looks at. */
import { createFlame, defineConfig } from '../../../dist/index.js';

export const flame = createFlame(
  defineConfig({ app: 'shop', redis: process.env.TEST_REDIS_URL, release: 'test', pools: { images: {} } }),
);
export const bytes = flame.fn('programBytes', { pool: 'images' }, (size) => Buffer.alloc(size, 1));
export const say = (word) => void process.stdout.write(`${word}\n`);
