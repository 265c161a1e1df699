/** Two releases of a small application, as two checkouts: what differs between them is what a deployment changes. */
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const repository = resolve(import.meta.dirname, '../..');

export type Release = 'r1' | 'r2';

export interface Checkout {
  readonly root: string;
  /** Puts the files of a release there, as a deployment in place does; as `edit`, without a commit of their own. */
  deploy(release: Release, how?: 'edit'): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export const checkOut = async (release: Release): Promise<Checkout> => {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'flame-release-')));
  await symlink(join(repository, 'node_modules'), join(root, 'node_modules'));
  const deploy = async (next: Release, how?: 'edit'): Promise<void> => {
    await rm(join(root, 'src'), { recursive: true, force: true });
    for (const [name, text] of Object.entries({ ...common, ...sources[next] })) {
      await mkdir(dirname(join(root, name)), { recursive: true });
      await writeFile(join(root, name), text);
    }
    // A checkout that is at a commit: what a release is derived from when nobody names one.
    await mkdir(join(root, '.git'), { recursive: true });
    if (how !== 'edit') await writeFile(join(root, '.git/HEAD'), commits[next]);
  };
  await deploy(release);
  return { root, deploy, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) };
};

const commits: Readonly<Record<Release, string>> = { r1: `${'1'.repeat(40)}\n`, r2: `${'2'.repeat(40)}\n` };

const common = {
  'package.json': '{ "name": "releases", "type": "module" }',
  'flame.config.mjs': `
import { defineConfig } from '@flamejs/queue';
import { local } from '@flamejs/autoscaler/local';
const pool = { max: 2, timeout: '20s' };
export default defineConfig({
  app: 'releases',
  redis: process.env.FLAME_REDIS_URL,
  functions: ['src/{named.mjs,jobs.ts,new-file.ts}'],
  pools: {
    loose: pool,
    exact: { ...pool, releasePolicy: 'strict' },
    rolled: { ...pool, max: 1, releasePolicy: 'strict', backend: local({ defaults: { tickMs: 200, fastTickMs: 100 } }) },
  },
});
`,
  'src/flame.ts': `
import { createFlame } from '@flamejs/queue';
import config from '../flame.config.mjs';
export const flame = createFlame(config);
`,
  // Casts what it is told to, says what becomes of each, and ends when it is told to.
  'src/main.ts': `
import { createInterface } from 'node:readline';
import { flame } from './flame.ts';
const say = (name: string, kind: string, value: unknown): void => console.log(JSON.stringify({ name, kind, value }));
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'end') break;
  const [verb = '', name = '', module = '', fn = '', pool = ''] = line.split(' ');
  if (verb === 'status') {
    const { state, reason, text, attempts } = await flame.attach(ids.get(name) ?? '').status();
    say(name, 'status', { state, reason, text, attempts });
    continue;
  }
  const handle = await (await import(module))[fn](flame.pool(pool));
  ids.set(name, handle.id);
  say(name, 'accepted', handle.id);
  handle.result().then(
    (value: unknown) => say(name, 'value', value),
    (error: Error) => say(name, 'error', { name: error.name, message: error.message }),
  );
}
await flame.close();
`.replace('for await', 'const ids = new Map<string, string>();\nfor await'),
};

/** Of release 1. Each function says which text of it ran. */
const jobs1 = `
import { flame } from './flame.ts';
import { helper } from './helper.ts';
import type { PoolRef } from '@flamejs/queue';

export const reformatted = (pool: PoolRef) => flame.cast(pool, () => ['reformatted', 1 + 1]);
export const moved = (pool: PoolRef) => flame.cast(pool, () => 'moved');
export const enclosing = (pool: PoolRef) => flame.cast(pool, () => 'renamed outside');
export const helped = (pool: PoolRef) => flame.cast(pool, () => helper());
export const changed = (pool: PoolRef) => flame.cast(pool, () => 'the text of r1');
export const captures = (pool: PoolRef) => {
  const one = 'one';
  return flame.cast(pool, () => one);
};
export const removed = (pool: PoolRef) => flame.cast(pool, () => 'only in r1');
export const impatient = flame.fn({ pool: 'loose', queueTimeout: '1s' }, () => 'impatient of r1');
export const hasty = () => ({ id: '', result: () => flame.call(impatient) });
`;

const jobs2 = `
// Moved to the top of the file, with another function above it.
import type { PoolRef } from '@flamejs/queue';
import { flame } from './flame.ts';
import { helper } from './helper.ts';

export const moved = (pool: PoolRef) => {
  return flame.cast(pool, () => 'moved');
};
export const inserted = (pool: PoolRef) => flame.cast(pool, () => 'only in r2');
export const reformatted = (pool: PoolRef) =>
  flame.cast(
    pool,
    /* a comment */ (): [string, number] => [
      "reformatted",
      (1 + 1) as number,
    ],
  );
export const anotherName = (pool: PoolRef) => flame.cast(pool, () => 'renamed outside');
export const helped = (pool: PoolRef) => flame.cast(pool, () => helper());
export const changed = (pool: PoolRef) => flame.cast(pool, () => 'the text of r2');
export const captures = (pool: PoolRef) => {
  const one = 'one';
  const two = 'two';
  return flame.cast(pool, () => one + two);
};
export const impatient = flame.fn({ pool: 'loose', queueTimeout: '1s' }, () => 'impatient of r2');
export const hasty = () => ({ id: '', result: () => flame.call(impatient) });
`;

const sources: Readonly<Record<Release, Readonly<Record<string, string>>>> = {
  r1: {
    'src/jobs.ts': jobs1,
    'src/helper.ts': "export const helper = () => 'helper of r1';\n",
    'src/named.mjs': `
import { flame } from './flame.ts';
export const kept = flame.fn('kept', { pool: 'loose' }, () => 'kept, as r1 has it');
export const callKept = () => flame.cast(kept);
`,
  },
  r2: {
    'src/jobs.ts': jobs2,
    'src/helper.ts': "export const helper = () => 'helper of r2';\n",
    'src/new-file.ts': `
import type { PoolRef } from '@flamejs/queue';
import { flame } from './flame.ts';
export const fresh = (pool: PoolRef) => flame.cast(pool, () => 'in a new file');
`,
    'src/named.mjs': `
import { flame } from './flame.ts';
export const kept = flame.fn('kept', { pool: 'loose' }, () => 'kept, as r2 has it');
export const added = flame.fn('added', { pool: 'loose' }, () => 'added by name in r2');
export const callKept = () => flame.cast(kept);
export const callAdded = () => flame.cast(added);
`,
  },
};
