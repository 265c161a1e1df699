/** A user's pod template under our own pod: what both say must agree. Pure. */
import { isDeepStrictEqual } from 'node:util';
import { FlameLaunchError } from '@flamejs/queue';

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Lists whose entries are the same when they have the same name, as Kubernetes merges them. */
const KEYS: Readonly<Record<string, string>> = {
  containers: 'name',
  env: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
  imagePullSecrets: 'name',
};

/**
 * @returns ours with all that only the template has
 * @throws FlameLaunchError of kind `invalid` that names the path of a field that both set to different values
 */
export const mergeTemplate = (ours: Fields, template: Fields): Fields => merge(ours, template, 'podTemplate') as Fields;

const merge = (ours: unknown, theirs: unknown, path: string): unknown => {
  if (theirs === undefined) return ours;
  if (ours === undefined) return theirs;
  if (isFields(ours) && isFields(theirs)) {
    const names = new Set([...Object.keys(ours), ...Object.keys(theirs)]);
    return Object.fromEntries(
      [...names].map((name) => [name, merge(ours[name], theirs[name], `${path}.${name}`)] as const),
    );
  }
  const key = KEYS[path.slice(path.lastIndexOf('.') + 1)];
  if (Array.isArray(ours) && Array.isArray(theirs) && key !== undefined) return mergeLists(ours, theirs, key, path);
  if (isDeepStrictEqual(ours, theirs)) return ours;
  throw new FlameLaunchError(
    `kubernetes: ${path} is set by Flame to ${JSON.stringify(ours)}, and cannot be ${JSON.stringify(theirs)}`,
    { kind: 'invalid', advice: 'Take it out of `podTemplate`; what can be chosen has an option of its own.' },
  );
};

const mergeLists = (
  ours: readonly unknown[],
  theirs: readonly unknown[],
  key: string,
  path: string,
): readonly unknown[] => {
  const nameOf = (entry: unknown): unknown => (isFields(entry) ? entry[key] : undefined);
  const merged = ours.map((mine) => {
    const same = theirs.find((other) => nameOf(other) !== undefined && nameOf(other) === nameOf(mine));
    return merge(mine, same, `${path}[${String(nameOf(mine))}]`);
  });
  const more = theirs.filter(
    (other) => !ours.some((mine) => nameOf(mine) !== undefined && nameOf(mine) === nameOf(other)),
  );
  return [...merged, ...more];
};
