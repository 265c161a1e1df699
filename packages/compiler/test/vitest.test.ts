import { expect, test } from 'vitest';
import { binary, createApplication, FLAME, run } from './application.ts';

const SPEC = `import { expect, test } from 'vitest';
import { flame, ids } from '../src/flame.ts';
import { twice } from '../src/twice.ts';
test('inside', async () => {
  const n = 20;
  expect(await flame.call('x', async () => n + (await twice(1)))).toBe(22);
  expect(ids.map((id) => id.replace(/@.*/, ''))).toEqual(['test/a.test.ts#module/0', 'src/twice.ts#twice/0']);
  expect(process.env.FLAME_ROOT).toBe(process.cwd());
});
`;

test('with the Vitest plugin, tests and the code under test are compiled; without it the calls are refused', async () => {
  const config = (plugins: string) => `import flame from '@flamejs/compiler/vitest';
export default { test: { pool: 'threads', maxWorkers: 1 }, plugins: ${plugins} };`;
  const app = createApplication({
    'src/flame.ts': FLAME,
    'src/twice.ts': `import { flame } from './flame.ts'; export const twice = (n: number) => flame.call('x', () => n * 2);`,
    'test/a.test.ts': SPEC,
    'vitest.config.mjs': config('[flame()]'),
  });
  try {
    app.link('vitest');
    const passed = await run(binary('vitest'), ['run', '--reporter=verbose'], app.root);
    expect(passed.exitCode, passed.stdout + passed.stderr).toBe(0);
    expect(passed.stdout).toContain('1 passed');
    app.write({ 'vitest.config.mjs': config('[]') });
    const refused = await run(binary('vitest'), ['run', '--reporter=verbose'], app.root);
    expect(refused.exitCode).toBe(1);
    expect(refused.stdout + refused.stderr).toContain('NOT COMPILED');
  } finally {
    app.remove();
  }
});
