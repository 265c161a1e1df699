/**
 * Large arguments of a command go to the socket from where they lie, with the text around them before and behind: the client would join
 * all of it into one piece of fresh memory first, which costs more than the socket does.
 */
import { Redis } from 'ioredis';
import type { RedisClient } from './connect.ts';

/** Up to here joining is cheaper than one more piece for the kernel to collect. */
const LARGE_BYTES = 16 * 1024;
const NOTHING = Buffer.alloc(0);

type Argument = string | Buffer;

interface Command {
  readonly name: string;
  readonly args: Argument[];
  /** What the client writes to the socket. May turn a script's digest into its text, or back. */
  toWritable(socket: Wire): Argument;
}

interface Wire {
  cork(): void;
  uncork(): void;
  write(bytes: Argument): unknown;
}

const isLarge = (argument: Argument): boolean => Buffer.isBuffer(argument) && argument.length >= LARGE_BYTES;

/** Of a cluster, whose connections come and go inside of its client, everything is joined. */
export const writeLargeInPlace = (client: RedisClient): void => {
  if (!(client instanceof Redis)) return;
  const send = client.sendCommand.bind(client) as (command: unknown, stream: unknown) => Promise<unknown>;
  client.sendCommand = ((command: Command, stream: unknown) => {
    // What goes through a pipeline is joined with the other commands anyway.
    if (stream === undefined && command.args.some(isLarge)) inPieces(command);
    return send(command, stream);
  }) as never;
};

const known = new WeakSet<Command>();

const inPieces = (command: Command): void => {
  // Sent again after a reconnect.
  if (known.has(command)) return;
  known.add(command);
  const { toWritable } = command;
  command.toWritable = (socket) => {
    const { args } = command;
    const large = args.map((argument) => (isLarge(argument) ? argument : undefined));
    large.forEach((argument, at) => {
      if (argument !== undefined) args[at] = NOTHING;
    });
    toWritable.call(command, socket);
    large.forEach((argument, at) => {
      if (argument !== undefined) args[at] = argument;
    });
    const pieces = piecesOf(command);
    const last = pieces.pop() ?? NOTHING;
    // The client writes the last one itself, in this turn.
    socket.cork();
    for (const piece of pieces) socket.write(piece);
    process.nextTick(() => socket.uncork());
    return last;
  };
};

/** @returns the command as RESP: text, and the large arguments as they are */
const piecesOf = ({ name, args }: Command): Argument[] => {
  const pieces: Argument[] = [];
  let text = `*${args.length + 1}\r\n$${Buffer.byteLength(name)}\r\n${name}\r\n`;
  for (const argument of args) {
    if (!Buffer.isBuffer(argument)) text += `$${Buffer.byteLength(argument)}\r\n${argument}\r\n`;
    else {
      pieces.push(`${text}$${argument.length}\r\n`, argument);
      text = '\r\n';
    }
  }
  pieces.push(text);
  return pieces;
};
