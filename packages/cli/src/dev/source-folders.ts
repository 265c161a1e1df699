/** Where code of an application can be: its own folder, and the workspace packages that are linked into it. */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';

/** @returns the folder itself first; every package once, those that linked packages link to included */
export const sourceFolders = (root: string): readonly string[] => {
  const found = new Set([realpathSync(root)]);
  // It grows while it is walked: packages of packages.
  for (const folder of found) {
    for (const name of dependenciesOf(folder)) {
      const linked = linkedFolder(folder, name);
      if (linked !== undefined) found.add(linked);
    }
  }
  return [...found];
};

const dependenciesOf = (folder: string): readonly string[] => {
  try {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, object>;
    const { dependencies = {}, devDependencies = {}, peerDependencies = {} } = manifest;
    return Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies });
  } catch {
    // None, or one that npm would not read either.
    return [];
  }
};

/** @returns where a package really is, when that is no place of installed ones (pnpm links everything). */
const linkedFolder = (from: string, name: string): string | undefined => {
  for (let folder = from; ; folder = dirname(folder)) {
    const place = join(folder, 'node_modules', name);
    if (existsSync(place)) {
      const real = realpathSync(place);
      return real.includes(`${sep}node_modules${sep}`) ? undefined : real;
    }
    if (folder === dirname(folder)) return undefined;
  }
};
