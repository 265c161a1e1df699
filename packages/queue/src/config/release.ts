/**
 * A name for the version of the code, when nobody gives one: callers and runners must come to the same, wherever in the
 * repository they are started. So the commit decides where there is one, and the nearest package's version elsewhere.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** @returns 12 characters that change with the commit or the version, or `dev` when there is neither. Starts no process. */
export const deriveRelease = (root: string): string => {
  const source = commitOf(root) ?? versionOf(root);
  return source === undefined ? 'dev' : createHash('sha256').update(source).digest('hex').slice(0, 12);
};

const commitOf = (root: string): string | undefined => {
  const dotGit = findUp(root, '.git');
  if (dotGit === undefined) return undefined;
  const folder = gitFolder(dotGit);
  const head = readText(join(folder, 'HEAD'));
  const ref = /^ref: (refs\/\S+)$/.exec(head ?? '')?.[1];
  if (ref === undefined) return head;
  // The branches of a linked worktree stand in the main one's folder.
  const common = resolve(folder, readText(join(folder, 'commondir')) ?? '.');
  return readText(join(folder, ref)) ?? readText(join(common, ref)) ?? packedRef(common, ref);
};

const gitFolder = (dotGit: string): string => {
  if (statSync(dotGit).isDirectory()) return dotGit;
  const target = /^gitdir: (.+)$/.exec(readText(dotGit) ?? '')?.[1];
  return target === undefined ? dotGit : resolve(dirname(dotGit), target);
};

const packedRef = (folder: string, ref: string): string | undefined => {
  const line = readText(join(folder, 'packed-refs'))
    ?.split('\n')
    .find((entry) => entry.endsWith(` ${ref}`));
  return line?.slice(0, line.indexOf(' '));
};

const versionOf = (root: string): string | undefined => {
  const file = findUp(root, 'package.json');
  if (file === undefined) return undefined;
  try {
    const { name, version } = JSON.parse(readText(file) ?? '') as { name?: unknown; version?: unknown };
    return typeof version === 'string' ? `${String(name)}@${version}` : undefined;
  } catch {
    // A damaged package.json stops npm, not us: the release is `dev` then.
    return undefined;
  }
};

const findUp = (from: string, name: string): string | undefined => {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const candidate = join(folder, name);
    if (existsSync(candidate)) return candidate;
    if (folder === dirname(folder)) return undefined;
  }
};

const readText = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
};
