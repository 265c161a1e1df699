import { expect, test } from 'vitest';
import { sharesOf } from './shares.ts';

test('time is summed by package, by folder of tests, and for the files beside them', () => {
  const { areas, slowest } = sharesOf([
    { file: 'packages/queue/test/a.test.ts', tests: 3, ms: 1_000 },
    { file: 'packages/queue/test/deep/b.test.ts', tests: 1, ms: 500 },
    { file: 'tests/chaos/c.test.ts', tests: 2, ms: 2_000 },
    { file: 'tests/d.test.ts', tests: 1, ms: 500 },
  ]);
  expect(areas).toEqual([
    { name: 'tests/chaos', tests: 2, ms: 2_000, share: 0.5 },
    { name: 'packages/queue', tests: 4, ms: 1_500, share: 0.375 },
    { name: 'tests', tests: 1, ms: 500, share: 0.125 },
  ]);
  expect(slowest[0]).toEqual({ name: 'tests/chaos/c.test.ts', tests: 2, ms: 2_000, share: 0.5 });
});

test('only the slowest files are listed, and nothing is divided by nothing', () => {
  const files = Array.from({ length: 30 }, (_, i) => ({ file: `tests/x/${i}.test.ts`, tests: 1, ms: i }));
  const { slowest } = sharesOf(files);
  expect(slowest).toHaveLength(10);
  expect(slowest[0]?.name).toBe('tests/x/29.test.ts');
  expect(sharesOf([])).toEqual({ areas: [], slowest: [] });
  expect(sharesOf([{ file: 'tests/e.test.ts', tests: 0, ms: 0 }]).areas[0]?.share).toBe(0);
});
