/** The channel's frames and messages, in whatever pieces they arrive. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readMessages } from '../../src/executor/channel/channel.ts';
import { createFrameReader, encodeFrame, type Frame } from '../../src/executor/channel/frames.ts';
import { fromFrame, toFrame } from '../../src/executor/channel/wire.ts';
import { type CallMessage, parseFromExecutor } from '../../src/executor/messages.ts';

const joined = (frames: readonly Frame[]): Buffer => Buffer.concat(frames.flatMap(encodeFrame));

/** Gives the bytes in pieces of these lengths, over and over, through one buffer that is overwritten each time. */
const inPieces = (bytes: Buffer, lengths: readonly number[], push: (piece: Uint8Array) => void): void => {
  let turn = 0;
  for (let at = 0; at < bytes.length; turn += 1) {
    const piece = Buffer.from(bytes.subarray(at, at + (lengths[turn % lengths.length] ?? 1)));
    push(piece);
    at += piece.length;
    piece.fill(0xee);
  }
};

const frame: fc.Arbitrary<Frame> = fc.record({
  head: fc.string({ unit: 'grapheme', maxLength: 40 }),
  body: fc.option(
    fc.oneof(
      fc.uint8Array({ maxLength: 50 }),
      fc.nat(20_000).map((n) => new Uint8Array(n).fill(n)),
    ),
    {
      nil: undefined,
    },
  ),
});

test('frames arrive whole and in order, however their bytes are cut, and share no memory with what they came in', () => {
  fc.assert(
    fc.property(fc.array(frame), fc.array(fc.integer({ min: 1, max: 30_000 }), { minLength: 1 }), (sent, lengths) => {
      const got: Frame[] = [];
      const reader = createFrameReader(
        (one) => got.push(one),
        (why) => expect.fail(why),
      );
      inPieces(joined(sent), lengths, reader.push);
      const comparable = ({ head, body }: Frame) => [head, body && Buffer.from(body).toString('latin1')];
      expect(got.map(comparable)).toEqual(sent.map(comparable));
    }),
    { numRuns: 40 },
  );
});

test('views of words may lie on bodies, and those of which values are made have memory of their own', () => {
  const bodies: Uint8Array[] = [];
  const reader = createFrameReader(({ body }) => body && bodies.push(body), expect.fail);
  reader.push(joined([3, 24, 3_000, 100_000].map((size) => ({ head: 'x', body: new Uint8Array(size) }))));
  expect(bodies.map(({ byteOffset }) => byteOffset % 8)).toEqual([0, 0, 0, 0]);
  expect(bodies.slice(2).map(({ buffer, length }) => buffer.byteLength === length)).toEqual([true, true]);
});

const call: CallMessage = {
  t: 'call',
  seq: 3,
  callId: 'one:x',
  functionName: 'echo',
  args: { json: '["ä\\"",1]' },
  attempt: 1,
  runnerLosses: 0,
  timeoutMs: Number.POSITIVE_INFINITY,
  deadlineAt: undefined,
  payloadLimit: 10,
  pool: 'one',
  secrets: { scope: 's', keys: [{ id: 'k', key: new Uint8Array([0, 255, 7]) }] },
  releases: { caller: 'a', runner: 'b' },
  stream: { from: 3, generation: 1, attempt: 2, items: 1_000, bytes: 4_000 },
  trace: { parent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
};

test.each([
  call,
  { ...call, args: Buffer.from([0, 1, 254]), timeoutMs: 5, deadlineAt: 12, secrets: undefined, releases: undefined },
  { t: 'reply', id: 1, bytes: Buffer.from([1]) },
  { t: 'reply', id: 1, error: 'no' },
  { t: 'returned', seq: 1, frame: Buffer.from([9, 9]), marks: [1, 2], unfinished: false },
  {
    t: 'threw',
    seq: 1,
    frame: Buffer.alloc(0),
    retryable: true,
    retryDelayMs: undefined,
    marks: undefined,
    errorName: 'E',
    errorMessage: '\u2028',
    unfinished: true,
  },
  { t: 'progress', seq: 1, json: Buffer.from('{}') },
  { t: 'log', seq: 1, text: 'a\nb' },
] as const satisfies readonly Parameters<typeof toFrame>[0][])('a message arrives as it was sent: $t', (message) => {
  const plain = (value: unknown): unknown =>
    JSON.parse(
      JSON.stringify(value, (_, v) =>
        v === Number.POSITIVE_INFINITY ? 'endless' : v instanceof Uint8Array ? [...v] : v,
      ),
    );
  // Buffers have a `toJSON` of their own, which comes before the replacer.
  const bare = (value: unknown): unknown => plain(structuredClone(value));
  expect(bare(fromFrame(toFrame(message)))).toEqual(bare(message));
});

test.each([
  ['text', Buffer.from('hello, who reads this descriptor?')],
  ['a frame of no JSON', joined([{ head: '{', body: undefined }])],
  ['a length out of bounds', Buffer.from([0x31, 0x4d, 0x4c, 0x46, 255, 255, 255, 255, 0, 0, 0, 0])],
])('what is no message ends the channel once, and nothing after it is heard: %s', (_, bytes) => {
  const heard: unknown[] = [];
  const broken: string[] = [];
  const reader = readMessages(
    (message) => heard.push(message),
    (why) => broken.push(why),
  );
  const good = joined([toFrame({ t: 'exit' })]);
  for (const piece of [good, bytes, good, bytes]) reader.push(piece);
  expect([heard, broken.length]).toEqual([[{ t: 'exit' }], 1]);
});

test('what the fields are is still checked: a frame is easily forged', () => {
  const forged = fromFrame({ head: '{"t":"returned","seq":1,"unfinished":false}', body: undefined });
  expect(parseFromExecutor(forged)).toBeUndefined();
  expect(parseFromExecutor(fromFrame({ head: 'null', body: undefined }))).toBeUndefined();
  expect(parseFromExecutor(fromFrame({ head: '{"t":"__proto__"}', body: Buffer.alloc(1) }))).toBeUndefined();
});
