/**
 * A TCP proxy in front of a server that spoils the way to it: slow, cut, one-sided, or silent. Only connections through it
 * are touched, so that one caller or one runner can be cut off alone.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface TcpProxy {
  readonly url: string;
  /** Delays everything in both directions by this many ms, each piece by its own amount. */
  slow(delayMs: () => number): void;
  /** Passes data on in pieces of at most so many bytes. */
  slice(bytes: number): void;
  /** What the server says from now on is swallowed; requests still arrive there. Acknowledgements are lost that way. */
  swallowReplies(): void;
  /** Nothing passes in either direction, and no connection is closed: a half-open link. New connections are accepted. */
  silence(): void;
  /** A partition: nothing passes until it heals, and then everything does, as TCP sends again what nobody acknowledged. */
  hold(): void;
  /** Back to passing everything on. What was swallowed stays lost. */
  heal(): void;
  /** Connections that are open now stay so and are dead for good, as after a silent change of route. */
  forget(): void;
  /** Resets every connection that is open now, or those that the function picks. */
  cut(picks?: () => boolean): void;
  /** Where further connections lead; those that are open stay where they are, as after a change of a name's address. */
  redirect(port: number): void;
  /** Resets each further connection once the server has sent it so many bytes. */
  cutAfter(bytes: number): void;
  /** Connections that are open now. */
  readonly open: number;
  /** Bytes that the server has said through it so far. */
  readonly bytesBack: number;
  stop(): Promise<void>;
}

type Way = 'pass' | 'swallow-replies' | 'silent';

export const startProxy = async (port: number): Promise<TcpProxy> => {
  const pairs = new Set<readonly [Socket, Socket]>();
  const dead = new WeakSet<readonly [Socket, Socket]>();
  let way: Way = 'pass';
  let target = port;
  let delay = (): number => 0;
  let most = Number.POSITIVE_INFINITY;
  let cutAfterBytes = Number.POSITIVE_INFINITY;
  let bytesBack = 0;
  let held = Promise.resolve();
  let release = (): void => undefined;

  const pump = (from: Socket, to: Socket, mayPass: () => boolean, onBytes: (count: number) => void): void => {
    // One queue for each direction, so that pieces keep their order. A delay counts from a piece's arrival: a long line is
    // late, not narrow.
    let last = Promise.resolve();
    const send = async (piece: Buffer, dueAt: number): Promise<void> => {
      const waitMs = dueAt - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      await held;
      if (!mayPass() || to.destroyed) return;
      to.write(piece);
      onBytes(piece.length);
    };
    from.on('data', (chunk: Buffer) => {
      for (let at = 0; at < chunk.length; at += most) {
        const piece = chunk.subarray(at, Math.min(chunk.length, at + most));
        const dueAt = performance.now() + delay();
        last = last.then(() => send(piece, dueAt));
      }
    });
  };

  const server = createServer((inner) => {
    const outer = connect(target, '127.0.0.1');
    const pair = [inner, outer] as const;
    let sent = 0;
    pairs.add(pair);
    pump(
      inner,
      outer,
      () => way !== 'silent' && !dead.has(pair),
      () => undefined,
    );
    pump(
      outer,
      inner,
      () => way === 'pass' && !dead.has(pair),
      (count) => {
        sent += count;
        bytesBack += count;
        if (sent >= cutAfterBytes) inner.resetAndDestroy();
      },
    );
    for (const socket of pair) {
      socket.setNoDelay(true);
      // Ends are expected here; each side hears of the other's.
      socket.on('error', () => undefined);
      socket.once('close', () => {
        pairs.delete(pair);
        if (way !== 'silent') for (const other of pair) other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  const cut = (picks = (): boolean => true): void => {
    for (const [inner, outer] of [...pairs].filter(picks)) {
      inner.resetAndDestroy();
      outer.destroy();
    }
  };

  return {
    url: `redis://127.0.0.1:${address.port}`,
    slow(delayMs) {
      delay = delayMs;
    },
    slice(bytes) {
      most = bytes;
    },
    swallowReplies() {
      way = 'swallow-replies';
    },
    silence() {
      way = 'silent';
    },
    hold() {
      held = new Promise((resolve) => {
        release = resolve;
      });
    },
    heal() {
      release();
      way = 'pass';
      delay = () => 0;
      most = Number.POSITIVE_INFINITY;
      cutAfterBytes = Number.POSITIVE_INFINITY;
    },
    forget() {
      for (const pair of pairs) dead.add(pair);
    },
    cut,
    redirect(to) {
      target = to;
    },
    cutAfter(bytes) {
      cutAfterBytes = bytes;
    },
    get open() {
      return pairs.size;
    },
    get bytesBack() {
      return bytesBack;
    },
    async stop() {
      release();
      cut();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
};
