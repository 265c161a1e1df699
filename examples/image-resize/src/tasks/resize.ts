import sharp from 'sharp';
import { flame } from '../flame.ts';
import { UnreadableImageError } from '../unreadable-image-error.ts';

/** An ordinary function: call it directly and it runs here, `flame.call` it and it runs on a runner. */
export const resizeImage = flame.fn(
  'resizeImage',
  { pool: 'images', retries: 1 },
  async (image: Uint8Array, width: number): Promise<Buffer> => {
    try {
      return await sharp(image).resize({ width }).webp({ quality: 82, effort: 6 }).toBuffer();
    } catch (cause) {
      throw new UnreadableImageError(image.byteLength, cause);
    }
  },
);
