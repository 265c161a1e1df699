import { expect, test, vi } from 'vitest';
import * as codec from '../../src/codec/index.ts';
import { FlameTimeoutError } from '../../src/errors/index.ts';

test('two copies of the package share what is registered', async () => {
  vi.resetModules();
  const copy = await import('../../src/codec/index.ts');
  expect(copy.encode).not.toBe(codec.encode);

  class Celsius {
    constructor(degrees: number) {
      Object.defineProperty(this, 'degrees', { value: degrees });
    }
  }
  class ColdError extends Error {}
  codec.registerClass(Celsius, {
    to: (value) => Reflect.get(value, 'degrees') as number,
    from: (data) => new Celsius(data),
  });
  copy.registerError(ColdError);

  const [warm, cold] = copy.decode(copy.encode([new Celsius(21), new ColdError('brr')])) as [Celsius, ColdError];
  expect(warm).toBeInstanceOf(Celsius);
  expect(Reflect.get(warm, 'degrees')).toBe(21);
  expect(codec.decode(codec.encode(cold))).toBeInstanceOf(ColdError);
});

test('an error of Flame that one copy of the package encodes is one of Flame for the other', async () => {
  vi.resetModules();
  const copy = await import('../../src/codec/index.ts');
  const errors = await import('../../src/errors/index.ts');
  const theirs = new errors.FlameTimeoutError('ran out', { timeoutMs: 5, attempt: 1 });
  expect(theirs.constructor).not.toBe(FlameTimeoutError);
  for (const decode of [codec.decode, copy.decode]) {
    const error = decode(copy.encode(theirs));
    expect(error).toBeInstanceOf(FlameTimeoutError);
    expect(error).toBeInstanceOf(errors.FlameTimeoutError);
  }
});

test('registering the same class again changes nothing, so that modules may be loaded twice', () => {
  class Kelvin {}
  const register = () => codec.registerClass(Kelvin, { to: () => null, from: () => new Kelvin() });
  register();
  expect(register).not.toThrow();
  class HotError extends Error {}
  codec.registerError(HotError);
  expect(() => codec.registerError(HotError)).not.toThrow();
});
