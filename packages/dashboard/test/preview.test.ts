/** Large and hostile values on the pages: shown in part, off the event loop, and never at the cost of anybody else. */
import { encode, packPayload } from '@flamejs/queue/internal';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LIST_LIMITS, PAGE_LIMITS, present } from '../src/operations/present.ts';
import { type PreviewRequest, preview } from '../src/operations/preview.ts';
import { createPreviewer } from '../src/operations/previewer.ts';
import { type BoardFixture, startBoard } from './support.ts';

let board: BoardFixture;
beforeAll(async () => {
  board = await startBoard();
});
afterAll(() => board[Symbol.asyncDispose]());

const requestFor = (value: unknown): PreviewRequest => {
  const encoded = packPayload(encode(value));
  return { encoded, size: encoded.length, limit: 64 * 1024 * 1024, stacks: false, asError: false };
};
const heavy = requestFor(Array.from({ length: 300_000 }, (_, i) => ({ i })));

/** @returns the longest that the event loop stood still until the work was done, ms */
const longestGap = async (work: Promise<unknown>): Promise<number> => {
  let longest = 0;
  let last = performance.now();
  let done = false;
  void work.finally(() => {
    done = true;
  });
  while (!done) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }
  return longest;
};

test('T-05: a large value is made readable off the event loop', async () => {
  const previewer = createPreviewer(60_000);
  try {
    // The thread is there, and its modules are loaded.
    await previewer.preview(requestFor('x'.repeat(100_000)));
    const began = performance.now();
    const shown = preview(heavy);
    const here = performance.now() - began;
    const work = previewer.preview(heavy);
    expect(await longestGap(work)).toBeLessThan(here * 0.7);
    expect(await work).toEqual(shown);
  } finally {
    previewer.close();
  }
});

test('T-05: what takes too long is given up with a reason, and the next one is shown', async () => {
  const previewer = createPreviewer(1);
  expect(await previewer.preview(heavy)).toMatchObject({
    kind: 'unreadable',
    message: expect.stringContaining('1 ms'),
  });
  expect(await previewer.preview(requestFor('small'))).toMatchObject({ kind: 'value', value: 'small' });
  previewer.close();
  const patient = createPreviewer(60_000);
  expect(await patient.preview(heavy)).toMatchObject({ kind: 'value', cut: true });
  patient.close();
});

test('T-05: a result full of what redaction fears is shown on its page', async () => {
  const fn = board.flame.fn('feared', { pool: 'main' }, (): unknown => undefined);
  const { id } = await board.flame.cast(fn);
  await board.settle({ value: Array.from({ length: 12 }, () => '://'.repeat(6_000)) });
  const outcome = board.ask(`/api/calls/${id}/outcome`);
  expect((await board.ask('/healthz')).status).toBe(200);
  expect((await outcome).json).toMatchObject({ kind: 'value', size: expect.any(Number) });
});

test('T-05: a page holds a bounded number of characters, however many texts there are', () => {
  const texts = Array.from({ length: 400 }, (_, i) => `${i}`.padEnd(19_000, 'x'));
  for (const limits of [PAGE_LIMITS, LIST_LIMITS]) {
    const { value, cut } = present(texts, limits);
    expect(cut).toBe(true);
    expect(JSON.stringify(value).length).toBeLessThan(limits.characters * 1.5 + 20_000);
  }
});
