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

/** In the manner of decimal.js, mongodb and luxon: what they hold is not to be seen from outside, or refers to much else. */
class Decimal {
  readonly #digits: string;
  constructor(digits: string) {
    this.#digits = digits;
  }
  toString(): string {
    return this.#digits;
  }
}
class DateTime {
  readonly #at: Date;
  readonly zoneName: string;
  constructor(at: Date, zoneName: string) {
    this.#at = at;
    this.zoneName = zoneName;
  }
  toJSDate(): Date {
    return this.#at;
  }
}

const refusalOf = (value: unknown): { readonly message: string; readonly advice: string } => {
  try {
    codec.encode(value);
  } catch (error) {
    return error as { readonly message: string; readonly advice: string };
  }
  throw new Error('it was not refused');
};

test("C-73: an instance of a library's class is refused with its place, the way to register it, and from where", () => {
  const { message, advice } = refusalOf({ order: { total: new Decimal('0.1') } });
  expect(message).toMatch(/order\.total/);
  expect(message).toMatch(/Decimal/);
  expect(advice).toMatch(/import \{ registerClass \} from 'flamejs'/);
  expect(advice).toMatch(/docs\/values\.md/);
});

test('C-73: once it is registered it arrives as an instance, however deep it stands', () => {
  codec.registerClass(Decimal, { to: (value) => value.toString(), from: (text: string) => new Decimal(text) });
  const sent = { total: new Decimal('0.1'), lines: new Map([['tea', [new Decimal('12345678901234567890.5')]]]) };
  const { total, lines } = codec.decode(codec.encode(sent)) as typeof sent;
  expect(total).toBeInstanceOf(Decimal);
  expect([String(total), String(lines.get('tea')?.[0])]).toEqual(['0.1', '12345678901234567890.5']);
});

test('C-73: what a registration makes of an instance may hold values of its own, and a subclass needs its own', () => {
  codec.registerClass(DateTime, {
    to: (at) => ({ at: at.toJSDate(), zone: at.zoneName }),
    from: ({ at, zone }: { at: Date; zone: string }) => new DateTime(at, zone),
  });
  const due = codec.decode(codec.encode(new DateTime(new Date(86_400_000), 'Europe/Paris'))) as DateTime;
  expect([due.toJSDate(), due.zoneName]).toEqual([new Date(86_400_000), 'Europe/Paris']);
  class Deadline extends DateTime {}
  expect(refusalOf(new Deadline(new Date(0), 'UTC')).message).toMatch(/Deadline/);
});
