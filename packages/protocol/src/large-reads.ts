/**
 * Reads a large value straight into the memory in which it stays. Through the client it would come in pieces of 64 KB, each in fresh
 * memory, which are joined in more of it: most of what large results cost. A connection of its own, one value at a time, made when
 * the first large value is read; where there can be none (TLS, Sentinel, a cluster), or it breaks, the client reads.
 */
import { createConnection, type Socket } from 'node:net';
import { AbstractConnector, Redis } from 'ioredis';
import type { RedisClient } from './connect.ts';
import { outliveStreamErrors } from './late-stream-errors.ts';

/** @returns memory for so many bytes */
export type Allocate = (bytes: number) => Buffer;

type Ask = (client: Redis) => Promise<Buffer | null>;

/**
 * @param ask one command whose reply is one value
 * @returns the value in memory of its own; `null` when there is none
 */
export const readLarge = async (client: RedisClient, ask: Ask, allocate: Allocate): Promise<Buffer | null> => {
  if (!(client instanceof Redis) || !canHaveReader(client)) return ask(client as Redis);
  try {
    return await readerOf(client).read(ask, allocate);
  } catch {
    return ask(client);
  }
};

const canHaveReader = ({ options: { tls, sentinels, Connector } }: Redis): boolean =>
  isUnset(tls) && isUnset(sentinels) && isUnset(Connector);

const isUnset = (option: unknown): boolean => option === undefined || option === null;

interface Reader {
  read(ask: Ask, allocate: Allocate): Promise<Buffer | null>;
}

const readers = new WeakMap<Redis, Reader>();

const readerOf = (client: Redis): Reader => {
  let reader = readers.get(client);
  if (reader === undefined) {
    reader = createReader(client);
    readers.set(client, reader);
  }
  return reader;
};

const createReader = (client: Redis): Reader => {
  let last: Promise<unknown> = Promise.resolve();
  let connection: Redis | undefined;
  client.once('end', () => connection?.disconnect());

  const open = async (): Promise<Redis> => {
    if (connection?.status === 'ready') return connection;
    connection?.disconnect();
    const opened = new Redis({
      ...client.options,
      Connector: InPlaceConnector,
      connectionName: `${client.options.connectionName ?? 'flame'}:large`,
      lazyConnect: true,
      retryStrategy: () => null,
      enableOfflineQueue: true,
    } as never);
    opened.on('error', () => undefined);
    outliveStreamErrors(opened);
    connection = opened;
    await opened.connect();
    return opened;
  };

  const read = async (ask: Ask, allocate: Allocate): Promise<Buffer | null> => {
    const opened = await open();
    const { connector } = opened as unknown as { readonly connector: InPlaceConnector };
    const value = connector.expect(allocate);
    const reply = await ask(opened);
    return value() ?? reply;
  };

  return {
    read(ask, allocate) {
      const mine = last.then(() => read(ask, allocate));
      last = mine.catch(() => undefined);
      return mine;
    },
  };
};

/** Values up to this size are left to the client. */
const LARGE_BYTES = 64 * 1024;
const MOST_HEAD = 32;
/** After the bytes of a value. */
const END_BYTES = 2;
const NOTHING = Buffer.alloc(0);

/** A value that is awaited: `$`, its length, the bytes. */
interface Expected {
  readonly allocate: Allocate;
  head: string;
  memory: Buffer | undefined;
  filled: number;
}

/** Gives the client everything but the one value that is expected. */
class InPlaceConnector extends AbstractConnector {
  readonly #where: { readonly host?: string; readonly port?: number; readonly path?: string; readonly family?: number };
  readonly #passing = Buffer.allocUnsafeSlow(16 * 1024);
  #expected: Expected | undefined;
  declare stream: Socket;

  constructor(options: never) {
    super((options as { disconnectTimeout: number }).disconnectTimeout);
    this.#where = options;
  }

  /** @returns what tells the value once the reply has come; `undefined` when it was none for this memory */
  expect(allocate: Allocate): () => Buffer | undefined {
    const expected: Expected = { allocate, head: '', memory: undefined, filled: 0 };
    this.#expected = expected;
    return () => {
      if (this.#expected === expected) this.#expected = undefined;
      return expected.memory?.subarray(0, expected.memory.length - END_BYTES);
    };
  }

  connect(): Promise<Socket> {
    this.connecting = true;
    const { host, port, path, family } = this.#where;
    const stream = createConnection({
      ...(isUnset(path) ? { host, port, family } : { path }),
      onread: {
        buffer: () => {
          const { memory, filled } = this.#expected ?? {};
          return memory === undefined ? this.#passing : memory.subarray(filled);
        },
        callback: (count: number, bytes: Buffer) => {
          this.#take(stream, bytes.subarray(0, count));
          return true;
        },
      },
    } as never);
    // Whoever waits for a value keeps the process alive.
    stream.unref();
    this.stream = stream;
    stream.once('error', (error) => {
      this.firstError = error;
    });
    return Promise.resolve(stream);
  }

  #take(stream: Socket, bytes: Buffer): void {
    const expected = this.#expected;
    if (expected === undefined) {
      // The client keeps what it gets.
      stream.emit('data', Buffer.from(bytes));
      return;
    }
    if (expected.memory !== undefined) expected.filled += bytes.length;
    else if (!this.#begin(stream, expected, bytes)) return;
    if (expected.filled < (expected.memory?.length ?? 0)) {
      // A sign of life, for the client ends a connection that gives none.
      stream.emit('data', NOTHING);
      return;
    }
    this.#expected = undefined;
    // In its place, so that the client's queue of commands goes on.
    stream.emit('data', Buffer.from('$0\r\n\r\n'));
  }

  /** @returns false when it was no large value, or is none yet */
  #begin(stream: Socket, expected: Expected, bytes: Buffer): boolean {
    const known = expected.head.length;
    const text = expected.head + bytes.toString('latin1', 0, MOST_HEAD);
    const end = text.indexOf('\r\n');
    if (end === -1 && text.length < MOST_HEAD) {
      expected.head = text;
      return false;
    }
    const length = /^\$(\d+)$/.exec(text.slice(0, Math.max(end, 0)))?.[1];
    if (length === undefined || Number(length) < LARGE_BYTES) {
      this.#expected = undefined;
      stream.emit('data', Buffer.concat([Buffer.from(expected.head, 'latin1'), bytes]));
      return false;
    }
    const memory = expected.allocate(Number(length) + END_BYTES);
    expected.filled = bytes.copy(memory, 0, end + 2 - known);
    expected.memory = memory;
    return true;
  }
}
