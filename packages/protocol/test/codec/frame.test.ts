import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decode, encode, packPayload, unpackPayload } from '../../src/codec/index.ts';
import { FlameCodecError } from '../../src/errors/index.ts';
import { payloadOf, samples } from './samples.ts';

const payload = {
  json: '{"text":"é\\ud800"}',
  parts: [new Uint8Array([1, 2, 3]), new Uint8Array(0), new Uint8Array(600).fill(7)],
};

test('a frame holds the whole payload', () => {
  const unpacked = unpackPayload(packPayload(payload));
  expect(unpacked.json).toBe(payload.json);
  expect(unpacked.parts.map((part) => [...part])).toEqual(payload.parts.map((part) => [...part]));
});

test('a frame holds any payload', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }),
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }),
      (json, parts) => {
        const unpacked = unpackPayload(packPayload({ json, parts }));
        expect(unpacked.json).toBe(json);
        expect(unpacked.parts.map((part) => [...part])).toEqual(parts.map((part) => [...part]));
      },
    ),
  );
});

test('a frame is a copy, and its parts are views of it', () => {
  const memory = new Uint8Array(100_000).fill(1);
  const frame = packPayload(encode(memory));
  memory.fill(2);
  const [part] = unpackPayload(frame).parts;
  expect(part?.buffer).toBe(frame.buffer);
  expect(part?.[0]).toBe(1);
});

test('parts lie at multiples of 8, so that any view can use them in place', () => {
  const frame = packPayload(
    encode([new Float64Array(10_000), 'odd', new Uint8Array(70_001), new BigInt64Array(20_000)]),
  );
  const { parts } = unpackPayload(frame);
  expect(parts.map((part) => part.byteOffset % 8)).toEqual([0, 0, 0]);
  const [floats, , , bigs] = decode(unpackPayload(frame)) as [Float64Array, string, Uint8Array, BigInt64Array];
  expect([floats.buffer === frame.buffer, bigs.buffer === frame.buffer]).toEqual([true, true]);
});

test("decoding what was not packed copies it: the memory still is the caller's", () => {
  const memory = new Uint8Array(100_000).fill(1);
  const payload = encode({ memory, buffer: Buffer.from(memory.buffer) });
  const first = decode(payload) as { memory: Uint8Array; buffer: Buffer };
  first.memory.fill(2);
  first.buffer.fill(3);
  expect(memory[0]).toBe(1);
  expect((decode(payload) as { memory: Uint8Array }).memory[0]).toBe(1);
});

test('a frame that starts at an odd address decodes to the same, by copying', () => {
  const frame = packPayload(encode([new Float64Array(10_000).fill(1.5)]));
  const shifted = new Uint8Array(frame.length + 3);
  shifted.set(frame, 3);
  const [floats] = decode(unpackPayload(shifted.subarray(3))) as [Float64Array];
  expect(floats).toEqual(new Float64Array(10_000).fill(1.5));
  expect(floats.buffer).not.toBe(shifted.buffer);
});

test('P03 a frame that is cut off anywhere, or has bytes too many, is refused', () => {
  const frame = packPayload(payload);
  for (let length = 0; length < frame.length; length += 1) {
    expect(() => unpackPayload(frame.subarray(0, length)), String(length)).toThrow(FlameCodecError);
  }
  expect(() => unpackPayload(Buffer.concat([frame, Buffer.alloc(1)]))).toThrow(/follow its end/);
});

test('P03 lengths that are not there allocate nothing', () => {
  const frame = packPayload(payload);
  for (const offset of [4, 8, 12, 16, 20]) {
    const forged = Buffer.from(frame);
    forged.writeUInt32LE(0xffff_ffff, offset);
    expect(() => unpackPayload(forged)).toThrow(FlameCodecError);
  }
});

test('P03 a frame of another version is refused by its number', () => {
  const frame = packPayload(payload);
  frame[0] = 0x20;
  expect(() => unpackPayload(frame)).toThrow(/kind 32/);
});

test('P03 every byte of every frame may be wrong without another error than FlameCodecError', () => {
  for (const sample of samples) {
    const frame = packPayload(payloadOf(sample));
    for (let at = 0; at < Math.min(frame.length, 400); at += 1) {
      const forged = Buffer.from(frame);
      forged[at] = (forged[at] ?? 0) ^ 0x41;
      try {
        decode(unpackPayload(forged));
      } catch (error) {
        expect(error, sample.name).toBeInstanceOf(FlameCodecError);
      }
    }
  }
});
