/** Suspected calls run alone. */
import { expect, test } from 'vitest';
import { createSoloGate } from '../src/solo-gate.ts';

const flush = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a suspected call waits for the others, keeps new ones out, and lets them in again', async () => {
  const closed: boolean[] = [];
  const gate = createSoloGate((now) => closed.push(now));
  const other = gate.enter();
  let admitted = false;
  const alone = gate.enterAlone();
  void alone.admitted.then(() => {
    admitted = true;
  });
  expect(gate.enter()).toBeUndefined();
  await flush();
  expect(admitted).toBe(false);
  other?.leave();
  other?.leave();
  await flush();
  expect(admitted).toBe(true);
  expect(gate.enter()).toBeUndefined();
  alone.leave();
  expect(gate.enter()).toBeDefined();
  expect(closed).toEqual([true, false]);
});

test('several suspected calls run one after the other, and one that gives up does not hold up the next', async () => {
  const gate = createSoloGate(() => undefined);
  const order: string[] = [];
  const [a, b, c] = [gate.enterAlone(), gate.enterAlone(), gate.enterAlone()];
  void a.admitted.then(() => order.push('a'));
  void b.admitted.then(() => order.push('b'));
  void c.admitted.then(() => order.push('c'));
  await flush();
  b.leave();
  a.leave();
  await flush();
  expect(order).toEqual(['a', 'c']);
  expect(gate.enter()).toBeUndefined();
  c.leave();
  expect(gate.enter()).toBeDefined();
});
