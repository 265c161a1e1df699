import { flame } from '../flame.ts';
import { toWebp } from '../to-webp.ts';

/** An ordinary function: call it directly and it runs here, `flame.call` it and it runs on a runner. */
export const resizeImage = flame.fn('resizeImage', { pool: 'images', retries: 1 }, toWebp);
