/** A folder in the temporary directory, which every user of the machine may write to: only one that is ours alone is used. */
import { lstatSync, mkdirSync } from 'node:fs';
import { FlameLaunchError } from '@flamejs/queue';

/**
 * Makes the folder unless it is there. Its parent must be one in which nobody can replace what is ours: sticky, or private itself.
 * @throws FlameLaunchError of kind `invalid` when somebody else's, open to others, or a link stands in its place.
 */
export const privateFolder = (folder: string): void => {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const why = objection(folder);
  if (why === undefined) return;
  throw new FlameLaunchError(
    `local(): ${folder} ${why}, so what it says of processes cannot be trusted; remove it, or set TMPDIR to a directory of your own`,
    { kind: 'invalid', providerCode: 'EACCES' },
  );
};

const OTHERS = 0o077;

const objection = (folder: string): string | undefined => {
  const found = lstatSync(folder);
  if (!found.isDirectory()) return found.isSymbolicLink() ? 'is a link' : 'is no folder';
  // Windows has neither owners nor modes of this kind; its temporary directory is the user's own.
  if (process.getuid === undefined) return undefined;
  if (found.uid !== process.getuid()) return `belongs to another user (${found.uid})`;
  return (found.mode & OTHERS) === 0 ? undefined : `is open to other users (mode ${(found.mode & 0o777).toString(8)})`;
};
