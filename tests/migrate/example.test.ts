/** The application of examples/from-bullmq: what it is on BullMQ alone, and what had to change. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startNode } from '../support/processes.ts';
import { startRedis } from '../support/redis.ts';
import { settles } from '../support/wait-for.ts';

const folder = fileURLToPath(new URL('../../examples/from-bullmq/', import.meta.url));

test('on BullMQ 5 alone the application prints what it prints on runners', async () => {
  await using redis = await startRedis();
  await using program = await startNode('before/main.ts', {
    cwd: folder,
    nodeArgs: ['--import', 'tsx'],
    env: { REDIS_URL: redis.url },
  });
  const { code } = await settles(program.exited, { what: 'the application' });
  expect([code, program.output()]).toEqual([
    0,
    `mail to ann@example.com
mail to busy@example.com
mail to ben@example.com
nobody is no address
order of mail to cleo@example.com and thumbnail of 128 px
the digest goes out again and again
broken failed: nobody is no address
`,
  ]);
});

test('the diff beside it is the one between before and after, and it touches few lines of the code that was there', () => {
  const { stdout } = spawnSync('git', ['diff', '--no-index', '--no-color', '-U1', '--no-ext-diff', 'before', 'src'], {
    cwd: folder,
    encoding: 'utf8',
  });
  const diff = stdout.replace(/^index .*\n/gm, '');
  expect(readFileSync(`${folder}migration.diff`, 'utf8')).toBe(diff);
  const changed = diff.split('\n').filter((line) => /^-(?!--)/.test(line));
  expect(changed.length).toBeGreaterThan(0);
  expect(changed.length).toBeLessThanOrEqual(10);
});
