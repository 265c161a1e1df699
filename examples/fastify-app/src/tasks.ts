import { setTimeout as sleep } from 'node:timers/promises';
import { flame } from './flame.ts';

/** Says one word after the other, as a language model would. */
export const answer = flame.fn('answer', { timeout: '1m' }, async function* (question: string) {
  for (const word of `you asked ${question} and this is the answer`.split(' ')) {
    await sleep(100);
    yield word;
  }
});

/** Holds a processor for as long as it is told: in the server's own process nobody else would be answered meanwhile. */
export const crunch = flame.fn('crunch', { timeout: '1m' }, (ms: number): number => {
  const endsAt = performance.now() + ms;
  let rounds = 0;
  while (performance.now() < endsAt) rounds += 1;
  return rounds;
});
