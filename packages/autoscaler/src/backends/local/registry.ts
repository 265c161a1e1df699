/**
 * One small file for each local instance, so that autoscalers on this host find each other's processes and a launch that
 * is repeated after a crash starts nothing twice. Creating the file is the claim.
 */
import {
  closeSync,
  constants,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { InstanceEnd } from '@flamejs/queue';
import { privateFolder } from './private-folder.ts';

export interface LocalEntry {
  readonly runnerId: string;
  readonly pool: string;
  /** The autoscaler process that made the claim, as `<pid>@<start>`. */
  readonly owner: string;
  /** `<pid>@<start>` of the runner; `null` between the claim and the start. */
  readonly instanceId: string | null;
  readonly launchedAt: number;
  /** Why and when it ended. */
  readonly ended: { readonly at: number; readonly end: InstanceEnd } | null;
}

export interface Registry {
  /** @returns false when the runner id is claimed already */
  claim(entry: LocalEntry): boolean;
  write(entry: LocalEntry): void;
  read(runnerId: string): LocalEntry | undefined;
  all(): readonly LocalEntry[];
  remove(runnerId: string): void;
  /** Takes away what tells only of the past. */
  tidy(): void;
}

/** @throws FlameLaunchError of kind `invalid` when the folder of all registries is not this user's alone. */
export const registriesFolder = (): string => {
  const folder = join(tmpdir(), `flame-local-${userInfo().uid}`);
  privateFolder(folder);
  return folder;
};

/** @throws FlameLaunchError of kind `invalid` when its folder is not this user's alone. */
export const localRegistry = (app: string): Registry => {
  const folder = join(registriesFolder(), encodeURIComponent(app));
  const fileOf = (runnerId: string): string => join(folder, `${encodeURIComponent(runnerId)}.json`);
  privateFolder(folder);

  /** Whoever tidies up last removes the folder, so nobody may count on it: another backend or process may have been that. */
  const names = (): readonly string[] => {
    try {
      return readdirSync(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  };
  const inFolder = <T>(write: () => T): T => {
    try {
      return write();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      registriesFolder();
      privateFolder(folder);
      return write();
    }
  };

  const all = (): readonly LocalEntry[] =>
    names()
      .filter((name) => name.endsWith('.json'))
      .flatMap((name) => readEntry(join(folder, name)) ?? []);

  return {
    claim(entry) {
      try {
        const fd = inFolder(() => openSync(fileOf(entry.runnerId), 'wx', 0o600));
        writeSync(fd, JSON.stringify(entry));
        closeSync(fd);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
        throw error;
      }
    },
    write(entry) {
      // Renamed into place, so that a reader never sees half a file.
      const next = `${fileOf(entry.runnerId)}.${process.pid}.tmp`;
      inFolder(() => writeFileSync(next, JSON.stringify(entry), { mode: 0o600 }));
      renameSync(next, fileOf(entry.runnerId));
    },
    read: (runnerId) => readEntry(fileOf(runnerId)),
    all,
    remove: (runnerId) => rmSync(fileOf(runnerId), { force: true }),
    tidy() {
      for (const { runnerId, ended } of all()) if (ended !== null) rmSync(fileOf(runnerId), { force: true });
      try {
        rmdirSync(folder);
      } catch {
        // Entries are left in it.
      }
    },
  };
};

/** @returns nothing for what is gone meanwhile, a link, or damaged. */
const readEntry = (file: string): LocalEntry | undefined => {
  let fd: number | undefined;
  try {
    fd = openSync(file, constants.O_RDONLY | NO_LINK);
    const entry = JSON.parse(readFileSync(fd, 'utf8')) as Readonly<Record<keyof LocalEntry, unknown>> | null;
    const isEntry =
      typeof entry?.runnerId === 'string' &&
      typeof entry.pool === 'string' &&
      typeof entry.owner === 'string' &&
      (entry.instanceId === null || typeof entry.instanceId === 'string');
    return isEntry ? (entry as unknown as LocalEntry) : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
};

const NO_LINK: number = constants.O_NOFOLLOW ?? 0;
