/**
 * A gate between one process and Redis that understands what passes: it ends the process right before, or right after, the
 * n-th command that the process sends. So every place at which a process waits for Redis becomes a place at which it dies,
 * without a word about that in the product.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** `before`: Redis never hears of the command. `after`: Redis has carried it out, and the process never hears of that. */
export type Moment = 'before' | 'after';

export interface CommandGate {
  readonly url: string;
  /** Counts from now on, and calls `end` at the n-th command, the first of them being 1. @returns its name, once that has happened */
  arm(n: number, moment: Moment, end: () => void): Promise<string>;
  stop(): Promise<void>;
}

interface Trap {
  left: number;
  readonly moment: Moment;
  spring(command: string): void;
}

/** Longest wait for a reply after the command has been passed on: blocking commands have none. */
const REPLY_MS = 200;

export const startCommandGate = async (port: number): Promise<CommandGate> => {
  const sockets = new Set<Socket>();
  let trap: Trap | undefined;
  let shut = false;

  const server = createServer((inner) => {
    const outer = connect(port, '127.0.0.1');
    let rest: Buffer = Buffer.alloc(0);
    let onReply = (): void => undefined;
    inner.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (let command = firstCommand(rest); command !== undefined && !shut; command = firstCommand(rest)) {
        const bytes = rest.subarray(0, command.length);
        rest = rest.subarray(command.length);
        const sprung = trap !== undefined && --trap.left === 0 ? trap : undefined;
        if (sprung === undefined) {
          outer.write(bytes);
          continue;
        }
        trap = undefined;
        shut = true;
        const { name } = command;
        if (sprung.moment === 'before') sprung.spring(name);
        else {
          onReply = () => sprung.spring(name);
          setTimeout(onReply, REPLY_MS);
          outer.write(bytes);
        }
      }
    });
    outer.on('data', (chunk: Buffer) => {
      if (shut) onReply();
      else inner.write(chunk);
    });
    for (const socket of [inner, outer]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      // Ends are what this is about; each side hears of the other's.
      socket.on('error', () => undefined);
      socket.once('close', () => {
        sockets.delete(socket);
        for (const other of [inner, outer]) other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arm: (n, moment, end) =>
      new Promise((resolve) => {
        let sprung = false;
        trap = {
          left: n,
          moment,
          spring(command) {
            if (sprung) return;
            sprung = true;
            end();
            resolve(command);
          },
        };
      }),
    async stop() {
      for (const socket of sockets) socket.destroy();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
};

/** @returns the name and the length in bytes of the first whole command, `undefined` while it is not all there */
const firstCommand = (bytes: Buffer): { readonly name: string; readonly length: number } | undefined => {
  const header = readNumber(bytes, 0);
  if (header === undefined) return undefined;
  let at = header.end;
  let name = '';
  for (let i = 0; i < header.value; i += 1) {
    const length = readNumber(bytes, at);
    if (length === undefined) return undefined;
    const end = length.end + length.value + 2;
    if (bytes.length < end) return undefined;
    if (i === 0) name = bytes.toString('latin1', length.end, end - 2);
    at = end;
  }
  return { name, length: at };
};

/** The number of a line such as `*3` or `$12`. */
const readNumber = (bytes: Buffer, at: number): { readonly value: number; readonly end: number } | undefined => {
  const end = bytes.indexOf('\r\n', at);
  return end === -1 ? undefined : { value: Number(bytes.toString('latin1', at + 1, end)), end: end + 2 };
};
