import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { decode, describeThrown, encodeThrown, payloadSize } from '../../src/codec/index.ts';
import { FlameTimeoutError, isNonRetryable, NonRetryableError } from '../../src/errors/index.ts';

type Arrived = Error & { readonly flameTruncated?: readonly string[]; readonly [key: string]: unknown };
function trap(): never {
  throw new Error('trap');
}

const throwOver = (thrown: unknown): Arrived => decode(encodeThrown(thrown)) as Arrived;

test('ER-01 an error of a class that only the thrower knows keeps the name of its class, its code and its fields', () => {
  class QuotaError extends Error {
    code = 'Q';
    left = 0;
  }
  const error = throwOver(new QuotaError('used up'));
  expect(error).toBeInstanceOf(Error);
  expect([error.name, error.message, error.code, error.left]).toEqual(['QuotaError', 'used up', 'Q', 0]);
  expect(Object.keys(error)).toEqual(['code', 'left']);
});

test('ER-02 what arrives is an Error with the stack of where it was thrown', () => {
  const thrown = new RangeError('far');
  const error = throwOver(thrown);
  expect(error).toBeInstanceOf(RangeError);
  expect(error.stack).toBe(thrown.stack);
  expect(Object.prototype.toString.call(error)).toBe('[object Error]');
});

test.each([
  ['x', "'x'"],
  [{ a: 1 }, '{ a: 1 }'],
  [null, 'null'],
  [undefined, 'undefined'],
  [0, '0'],
  [['list'], "[ 'list' ]"],
])('ER-03 a value that is no error is wrapped in one that shows it: %o', (thrown, shown) => {
  const error = throwOver(thrown);
  expect(error).toBeInstanceOf(Error);
  expect(error.message).toBe(`a value that is no error was thrown: ${shown}`);
  expect(Object.hasOwn(error, 'cause')).toBe(true);
  expect(error.cause).toEqual(thrown);
});

test('ER-03 what is thrown may be anything: a function, a proxy, an object whose inspection throws', () => {
  const hostile = new Proxy({}, { get: trap, getPrototypeOf: trap });
  for (const thrown of [
    () => 1,
    Symbol('s'),
    hostile,
    Promise.resolve(),
    new Socket(),
    Object.create(Error.prototype),
  ]) {
    expect(throwOver(thrown)).toBeInstanceOf(Error);
  }
  expect(throwOver(() => 1).message).toMatch(/Function/);
});

test('ER-04 a chain of causes, the errors of an AggregateError and own properties travel', () => {
  const chain = [5, 4, 3, 2, 1].reduce<Error | undefined>(
    (cause, n) => new TypeError(`level ${n}`, { cause }),
    undefined,
  );
  const error = throwOver(new AggregateError([new Error('one'), chain], 'many', { cause: chain }));
  const messages: string[] = [];
  for (let at = error.cause; at instanceof Error; at = at.cause) messages.push(at.message);
  expect(messages).toEqual(['level 1', 'level 2', 'level 3', 'level 4', 'level 5']);
  const { errors } = error as unknown as AggregateError;
  expect(errors[0]).toBeInstanceOf(Error);
  expect(errors[1]).toBe(error.cause);
  expect(throwOver(Object.assign(new Error('x'), { at: new Date(5), ids: new Set([1]) }))).toMatchObject({
    at: new Date(5),
    ids: new Set([1]),
  });
});

test('ER-06 an error that holds a request, a socket and 5 MB of response arrives small, and says what was left out', () => {
  const thrown = Object.assign(new Error('request failed'), {
    code: 'ERR_BAD_RESPONSE',
    self: undefined as unknown,
    config: { url: 'https://example.com', transform: [() => 1], headers: new Map([['a', 1]]) },
    request: { socket: new Socket(), path: '/x' },
    response: { status: 500, body: 'x'.repeat(5_000_000), raw: Buffer.alloc(1_000_000) },
  });
  Object.defineProperty(thrown, 'broken', { get: trap, enumerable: true });
  thrown.self = thrown;
  const payload = encodeThrown(thrown);
  expect(payloadSize(payload)).toBeLessThanOrEqual(64 * 1024);
  const error = decode(payload) as Arrived;
  expect([error.name, error.message, error.code]).toEqual(['Error', 'request failed', 'ERR_BAD_RESPONSE']);
  expect(error.self).toBe(error);
  expect(error.config).toMatchObject({ url: 'https://example.com', headers: new Map([['a', 1]]) });
  expect(error.request).toMatchObject({ path: '/x' });
  expect(error.response).toMatchObject({ status: 500 });
  expect(error.flameTruncated).toEqual(
    expect.arrayContaining(['config.transform[0]', 'request.socket', 'response.body', 'response.raw', 'broken']),
  );
  expect(Object.keys(error)).not.toContain('flameTruncated');
});

test('ER-06 a message and a stack of megabytes are cut, and the error says so', () => {
  const payload = encodeThrown(new Error('€'.repeat(3_000_000)));
  expect(payloadSize(payload)).toBeLessThanOrEqual(64 * 1024);
  const error = decode(payload) as Arrived;
  expect(error.message.startsWith('€€€')).toBe(true);
  expect(error.message).toMatch(/2,?991,?808 more characters/);
  expect(error.flameTruncated).toEqual(['message', 'stack']);
});

test('ER-06 an error of 20,000 properties, and a chain of 20,000 causes, arrive small', () => {
  const wide = Object.assign(
    new Error('wide'),
    Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`key${i}`, i])),
  );
  let deep = new Error('deepest');
  for (let i = 0; i < 20_000; i += 1) deep = new Error(`level ${i}`, { cause: deep });
  for (const [thrown, message] of [
    [wide, 'wide'],
    [deep, 'level 19999'],
  ] as const) {
    const payload = encodeThrown(thrown);
    expect(payloadSize(payload)).toBeLessThanOrEqual(64 * 1024);
    expect((decode(payload) as Error).message).toBe(message);
  }
});

test('ER-06 an error whose own getters throw arrives as an error', () => {
  const thrown = new Error('x');
  // The engine reads the others to make the stack: that one first.
  for (const key of ['stack', 'message', 'name', 'cause']) Object.defineProperty(thrown, key, { get: trap });
  expect(throwOver(thrown)).toBeInstanceOf(Error);
});

test('an error that fits is not marked as truncated', () => {
  expect(Object.hasOwn(throwOver(new Error('x')), 'flameTruncated')).toBe(false);
});

test('F09 errors of Flame and NonRetryableError are recognised on the other side', () => {
  const timeout = new FlameTimeoutError('ran out', { timeoutMs: 1, attempt: 1 });
  expect(throwOver(timeout)).toBeInstanceOf(FlameTimeoutError);
  class BadInput extends NonRetryableError {}
  const error = throwOver(new BadInput('no'));
  expect(isNonRetryable(error)).toBe(true);
  expect(error).toBeInstanceOf(NonRetryableError);
});

test("an aborted signal's reason arrives as a DOMException", () => {
  const error = throwOver(AbortSignal.abort().reason);
  expect(error).toBeInstanceOf(DOMException);
  expect(error.name).toBe('AbortError');
  expect(error.code).toBe(20);
});

test('errors of Node keep their code and their system fields', () => {
  const thrown = Object.assign(new Error('ENOENT: no such file'), {
    errno: -2,
    code: 'ENOENT',
    syscall: 'open',
    path: '/x',
  });
  expect({ ...throwOver(thrown) }).toEqual({ errno: -2, code: 'ENOENT', syscall: 'open', path: '/x' });
  let real: unknown;
  try {
    Buffer.alloc(-1);
  } catch (error) {
    real = error;
  }
  const arrived = throwOver(real);
  expect(arrived).toBeInstanceOf(RangeError);
  expect(arrived.code).toBe('ERR_OUT_OF_RANGE');
  expect(Object.hasOwn(arrived, 'flameTruncated')).toBe(false);
});

class GetterError extends Error {
  override get message(): string {
    return 'the reason';
  }
}
class InheritedError extends Error {}
Object.defineProperty(InheritedError.prototype, 'message', { value: 'inherited', writable: true });
class ThrowingError extends Error {
  override get message(): string {
    throw new TypeError('no message today');
  }
}
const withMessage = (message: unknown): Error => Object.assign(new Error(), { message });

test.each([
  ['a getter', new GetterError(), 'the reason'],
  ['on the prototype', new InheritedError(), 'inherited'],
  ['a number', withMessage(42), '42'],
  ['an object', withMessage({ code: 7 }), '{ code: 7 }'],
  ['a number that is hidden', Object.defineProperty(new Error(), 'message', { value: 42 }), '42'],
  ['a getter that throws', new ThrowingError(), "(its message cannot be read: 'TypeError: no message today')"],
  ['enumerable text', Object.defineProperty(new Error(), 'message', { value: 'shown', enumerable: true }), 'shown'],
])('C-30: an error whose message is %s names its reason, in its stack too', (_, thrown, message) => {
  const error = throwOver(thrown);
  expect(error).toBeInstanceOf(Error);
  expect(error.message).toBe(message);
  if (thrown.constructor !== Error) expect(error.stack).toContain(message);
});

test.each([
  [
    'an object with a hidden message',
    Object.defineProperty({}, 'message', { value: 'hidden' }),
    /: \{\} with the message 'hidden'$/,
  ],
  ['an object that inherits its message', Object.create({ message: 'far up' }), /with the message 'far up'$/],
  ['an object that shows its message', { message: 'seen' }, /: \{ message: 'seen' \}$/],
])('C-30: %s is told by what it says', (_, thrown, says) => {
  expect(throwOver(thrown).message).toMatch(says);
});

test('C-30: hidden data of an error travels, methods do not, and what cannot is said to be left out', () => {
  const error = new Error('x', { cause: 'why' });
  Object.defineProperty(error, 'response', { value: { status: 503 }, enumerable: false });
  Object.defineProperty(error, 'toString', { value: () => 'mine', enumerable: false });
  const arrived = throwOver(error);
  expect([arrived.response, arrived.cause, Object.keys(arrived)]).toEqual([{ status: 503 }, 'why', []]);
  expect(Object.hasOwn(arrived, 'toString')).toBe(false);
  expect(arrived.flameTruncated).toBeUndefined();
  Object.defineProperty(error, 'socket', { value: new Socket(), enumerable: false });
  expect(throwOver(error)).toMatchObject({ message: 'x', flameTruncated: ['socket'] });
});

test('C-30: what records say beside an error is what its caller sees', () => {
  class Unnamed extends Error {}
  const known = new FlameTimeoutError('late', { timeoutMs: 1, attempt: 1 });
  for (const thrown of [
    new GetterError(),
    new InheritedError(),
    new ThrowingError(),
    withMessage(42),
    new Unnamed('u'),
    new TypeError('t'),
    known,
    'text',
    null,
    7,
    Object.defineProperty({}, 'message', { value: 'hidden' }),
    Object.assign(new Error('n'), { name: 'Own' }),
  ]) {
    const { name, message } = throwOver(thrown);
    expect(describeThrown(thrown)).toEqual({ name, message });
  }
});
