/** The testing kit's real fleet: what an integration test of an application starts. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { startFlame } from 'flamejs/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from './support/wait-for.ts';

/** Inside the repository, so that the application finds its packages. */
const CACHE = fileURLToPath(new URL('../.cache/', import.meta.url));
let folder: string;
beforeAll(async () => {
  await mkdir(CACHE, { recursive: true });
  folder = await mkdtemp(join(CACHE, 'start-flame-'));
  await writeFile(
    join(folder, 'flame.config.mjs'),
    `import { defineConfig } from 'flamejs';
     export default defineConfig({ app: 'fleet', functions: ['./tasks.mjs'], pools: { main: { min: 1, max: 1 } } });`,
  );
  await writeFile(
    join(folder, 'tasks.mjs'),
    `import { defineFunction } from 'flamejs';
     export const where = defineFunction('where', { pool: 'main' }, () => process.pid);`,
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('a config is all it needs: calls run in processes of their own, and nothing is left, in inline mode too', async () => {
  process.env.FLAME_MODE = 'inline';
  let pid = 0;
  try {
    const { default: config } = await import(pathToFileURL(join(folder, 'flame.config.mjs')).href);
    const { where } = await import(pathToFileURL(join(folder, 'tasks.mjs')).href);
    await using fleet = await startFlame(config);
    pid = (await fleet.flame.call(where)) as number;
    expect(pid).not.toBe(process.pid);
    expect(fleet.redisUrl).toMatch(/^redis:\/\/127\.0\.0\.1:\d+$/);
  } finally {
    delete process.env.FLAME_MODE;
  }
  await waitFor(() => !isAlive(pid), { what: 'its executor to be gone' });
});

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
