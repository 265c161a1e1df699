/**
 * Errors of Redis carry the whole command that failed: the password of an AUTH, the arguments of a call. Whoever logs or
 * inspects such an error would show them, so they are taken off before anybody gets it. The command's name stays.
 */
import type { Cluster, Redis } from 'ioredis';

interface Command {
  readonly name: string;
  reject(error: Error): void;
}

type Send = (command: Command, ...rest: unknown[]) => unknown;

/** For every connection that is opened, with the connection's nodes when it is a cluster. */
export const keepErrorsQuiet = (client: Redis | Cluster): void => {
  // What a cluster sends goes through the connections to its nodes, which are made as they are found.
  if (client.isCluster) client.on('+node', (node: Redis) => keepErrorsQuiet(node));
  else quiet(client as unknown as { sendCommand: Send });
};

const quiet = (connection: { sendCommand: Send }): void => {
  const send = connection.sendCommand;
  const known = new WeakSet<Command>();
  connection.sendCommand = function sendCommand(command, ...rest) {
    // A command that is sent again after a reconnect has been seen before.
    if (!known.has(command)) {
      known.add(command);
      const { reject } = command;
      command.reject = (error) => reject.call(command, withoutArguments(error));
    }
    return send.call(this, command, ...rest);
  };
};

const withoutArguments = (error: Error): Error => {
  const { command } = error as { command?: { readonly name?: unknown } };
  if (command !== undefined) Object.assign(error, { command: { name: command.name } });
  return error;
};
