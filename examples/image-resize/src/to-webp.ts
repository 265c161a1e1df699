import sharp from 'sharp';
import { UnreadableImageError } from './unreadable-image-error.ts';

/** The work itself: knows nothing of Flame. @throws UnreadableImageError */
export const toWebp = async (image: Uint8Array, width: number): Promise<Buffer> => {
  try {
    return await sharp(image).resize({ width }).webp({ quality: 82, effort: 6 }).toBuffer();
  } catch (cause) {
    throw new UnreadableImageError(image.byteLength, cause);
  }
};
