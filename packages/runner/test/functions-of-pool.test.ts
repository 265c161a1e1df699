/** Which modules the executors of a pool load: those that its app lists, or those that it lists itself. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { POOL, type Stage, startStage } from './support.ts';

const MEGABYTE = 1024 * 1024;
let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.stop());

/** A hundred modules of one function each, that hold 3 MB as soon as they are loaded. @returns their paths */
const writeModules = (folder: string): readonly string[] => {
  mkdirSync(folder);
  // They find the packages of this repository.
  symlinkSync(join(dirname(fileURLToPath(import.meta.url)), '../../../node_modules'), join(folder, 'node_modules'));
  return Array.from({ length: 100 }, (_, i) => {
    const file = join(folder, `task-${i}.mjs`);
    writeFileSync(
      file,
      `import { defineFunction } from '@flamejs/queue';
       const weight = Buffer.alloc(3 * 1024 * 1024, 1);
       globalThis.loaded = (globalThis.loaded ?? 0) + 1;
       defineFunction('weigh-${i}', {}, () => ({ loaded, own: weight.length, rss: process.memoryUsage.rss() }));`,
    );
    return file;
  });
};

interface Weight {
  readonly loaded: number;
  readonly rss: number;
}

test('ME-07 an executor of a pool that lists its modules loads no others, and has no memory for them', async () => {
  const modules = writeModules(join(stage.folder, 'tasks'));
  const [first = ''] = modules;
  const bare = join(stage.folder, 'tasks', 'bare.mjs');
  writeFileSync(
    bare,
    `import { defineFunction } from '@flamejs/queue';
     defineFunction('bare', {}, () => ({ loaded: 0, rss: process.memoryUsage.rss() }));`,
  );
  const env = { FLAME_TEST_FUNCTIONS: JSON.stringify([...modules, bare]) };
  const weigh = async (name: string, file: string): Promise<Weight> => {
    const runner = await stage.startRunner({ pool: { maxConcurrency: 1, functions: [file] }, env });
    const fn = stage.flame.fn(name, { pool: POOL }, (): Weight => ({ loaded: 0, rss: 0 }));
    const weight = await stage.flame.call(fn);
    await runner.stop();
    return weight;
  };
  const baseline = await weigh('bare', bare);
  const one = await weigh('weigh-0', first);
  expect(one.loaded).toBe(1);
  expect(one.rss).toBeLessThan(baseline.rss + 10 * MEGABYTE);
  // All of them would be three hundred.
  expect(one.rss).toBeLessThan(250 * MEGABYTE);
});
