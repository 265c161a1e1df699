/** The same work with nothing declared beforehand: what runs elsewhere stands where it is needed. For the compiler. */
import { flame } from './flame.ts';
import { toWebp } from './to-webp.ts';

const images = flame.pool('images');

/** `image` and `width` travel; `toWebp` does not, for the runner has it too. */
export const thumbnail = async (image: Uint8Array, width: number): Promise<Buffer> =>
  flame.call(images, () => toWebp(image, width));
