/** A handful of thumbnails on runners that somebody else keeps: the smallest program with closures, and one to bundle. */
import { flame } from './flame.ts';
import { readPhotos } from './photos.ts';
import { thumbnail } from './thumbnails.ts';

const names = ['rocket.jpg', 'chelsea.png', 'truncated.jpg'];

// In one bundle with the rest, this file is loaded by runners too.
if (!flame.isRunner) {
  const photos = (await readPhotos()).filter(({ name }) => names.includes(name));
  for (const { name, image } of photos) {
    try {
      const webp = await thumbnail(image, 96);
      console.log(`${name}: ${webp.length} bytes, ${webp.subarray(8, 12).toString('latin1')}`);
    } catch (error) {
      console.log(`${name}: ${error instanceof Error ? error.stack : error}`);
    }
  }
  await flame.close();
}
