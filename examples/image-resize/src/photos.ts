import { readdir, readFile } from 'node:fs/promises';

const folder = new URL('../photos/', import.meta.url);

export interface Photo {
  readonly name: string;
  readonly image: Buffer;
}

/** Every picture of the folder `photos`, in order of name. */
export const readPhotos = async (): Promise<readonly Photo[]> => {
  const names = (await readdir(folder)).filter((name) => /\.(jpe?g|png|webp)$/i.test(name)).sort();
  return Promise.all(names.map(async (name) => ({ name, image: await readFile(new URL(name, folder)) })));
};
