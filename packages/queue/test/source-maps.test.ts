/** A stack that is mapped back names files that are in the package. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { expect, test } from 'vitest';

const packages = resolve(import.meta.dirname, '../..');

test.each(readdirSync(packages).filter((name) => existsSync(join(packages, name, 'dist'))))(
  'A-18: every source that the maps of packages/%s name is shipped',
  (name) => {
    const root = join(packages, name);
    const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly files: string[] };
    const maps = readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.js.map'),
    );
    expect(maps.length).toBeGreaterThan(0);
    for (const map of maps) {
      const at = join(root, 'dist', map);
      const { sources } = JSON.parse(readFileSync(at, 'utf8')) as { readonly sources: string[] };
      for (const source of sources) {
        const [folder] = relative(root, resolve(dirname(at), source)).split(sep);
        expect(files, `${map} names ${source}`).toContain(folder);
      }
    }
  },
);
