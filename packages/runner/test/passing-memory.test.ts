/** Memory that bodies pass through is used again, in caller, runner and executor; none of it while something may still be sent from it. */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { poisonReturnedMemory } from '@flamejs/protocol/passing-memory';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Stage, startStage } from './support.ts';

const CALLS = 60;
const AT_ONCE = 6;

let stage: Stage;
beforeAll(async () => {
  poisonReturnedMemory();
  stage = await startStage();
  const poison = pathToFileURL(fileURLToPath(new URL('./fixtures/poison.mjs', import.meta.url)));
  await stage.startRunner({ pool: { maxConcurrency: 3 }, env: { NODE_OPTIONS: `--import=${poison}` } });
});
afterAll(() => stage.stop());

/** No two are alike, and no byte is the poison. */
const contents = (seed: number): Buffer => {
  const bytes = Buffer.alloc(100_000 + ((seed * 7_919) % 500_000));
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = (i * (seed + 3) + seed) % 199;
  return bytes;
};

const callAll = async (): Promise<readonly number[]> => {
  const wrong: number[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let seed = next++; seed < CALLS; seed = next++) {
      const sent = contents(seed);
      const call = stage.call(stage.tasks.reverse, sent);
      // It was copied when the call was made.
      sent.fill(200);
      if (
        !contents(seed)
          .reverse()
          .equals((await call) as Buffer)
      )
        wrong.push(seed);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return wrong;
};

test('each call has its own bytes, however many share the memory', async () => {
  expect(await callAll()).toEqual([]);
});

test('connections that break at every step change no byte', async () => {
  let cuts = 0;
  const cutting = setInterval(() => {
    cuts += 1;
    stage.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes').catch(() => undefined);
  }, 40);
  try {
    expect(await callAll()).toEqual([]);
  } finally {
    clearInterval(cutting);
  }
  expect(cuts).toBeGreaterThan(3);
});
