/** `flame doctor` says which variables the application's modules read and executors are not given. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { flame } from './flame.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));
let root: string;
beforeAll(() => {
  mkdirSync(join(repository, 'reports'), { recursive: true });
  root = mkdtempSync(join(repository, 'reports/doctor-'));
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  writeFileSync(
    join(root, 'flame.config.mjs'),
    `import { defineConfig } from '@flamejs/queue';
     export default defineConfig({ app: 'doctor', connectTimeout: 200, functions: ['tasks.mjs'], redis: process.env.SHOP_REDIS, pools: {
       main: { env: { CACHE: process.env.SHOP_REDIS ?? '', MODE: 'batch' } },
     } });`,
  );
  writeFileSync(join(root, 'tasks.mjs'), 'export const db = process.env.SHOP_DB;');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const doctor = async (): Promise<string> => {
  // Nothing listens there: what is looked at here needs no Redis.
  const address = { SHOP_REDIS: 'redis://:the-password@127.0.0.1:1', SHOP_DB: 'postgres://db' };
  return (await flame(['doctor'], { cwd: root, env: address })).output;
};

test('A-26: what the modules read and are not given is a warning with the line to add, and config alone is none', async () => {
  const output = await doctor();
  expect(output).toContain("add passEnv: ['SHOP_DB']");
  expect(output).not.toMatch(/SHOP_REDIS, which/);
});

test('A-26: so it stands in the failure of a module that needs it', async () => {
  writeFileSync(join(root, 'tasks.mjs'), "if (!process.env.SHOP_DB) throw new Error('SHOP_DB: Required');");
  const output = await doctor();
  expect(output).toContain('SHOP_DB: Required');
  expect(output).toContain("add passEnv: ['SHOP_DB']");
});

test('T-03: a secret that env names is pointed out, without its value', async () => {
  const output = await doctor();
  expect(output).toMatch(/CACHE holds a secret of Flame's/);
  expect(output).not.toMatch(/MODE holds/);
  expect(output).not.toContain('the-password');
});
