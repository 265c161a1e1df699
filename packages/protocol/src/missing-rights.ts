/**
 * What a Redis user may not do, said so that an operator can mend it: which command, and the page that lists the rights. On every
 * connection, for rights are missed by callers, runners, the autoscaler and the dashboard alike, and mostly inside of scripts.
 */
import { createHash } from 'node:crypto';
import type { Cluster, Command, Redis } from 'ioredis';
import { FlameConfigError } from './errors/input-errors.ts';

/** Of Redis 7 in scripts: "ERR ACL failure in script: …"; of 6.2: "The user executing the script can't run this command …". */
const REFUSED = /\bNOPERM\b|ACL failure in script|The user executing the script can't/;
const COMMAND = /\b(?:run the|execute) '([^']+)'|command '([^']+)'/;

/**
 * @param sent name of the command that was sent, for a Redis that does not name the one it refused
 * @returns what to tell; `undefined` for any other error
 */
export const missingRight = (error: Error, sent?: string, callId?: string): FlameConfigError | undefined => {
  const { message } = error;
  if (!REFUSED.test(message) || error instanceof FlameConfigError) return undefined;
  const named =
    COMMAND.exec(message)
      ?.slice(1)
      .find((name) => name !== undefined) ??
    commandInScript(message) ??
    sent;
  const what = /\bkeys?\b/.test(message)
    ? `use a key of its command ${quoted(named)}`
    : /\bchannels?\b/.test(message)
      ? `use a channel of its command ${quoted(named)}`
      : `run the command ${quoted(named)}`;
  const text = `Redis does not let this user ${what}; docs/redis.md lists the rights of callers, runners, autoscaler and dashboard (${message})`;
  return new FlameConfigError(text, {
    ...(callId === undefined ? {} : { callId }),
    problems: [{ path: 'redis', message: text }],
    advice: `Give the user what docs/redis.md lists${named === undefined ? '' : `, here for '${named.toLowerCase()}'`}.`,
    cause: error,
  });
};

const quoted = (name: string | undefined): string => (name === undefined ? 'of a script' : `'${name.toLowerCase()}'`);

/** Lua of every script that a connection of this process has defined. */
const scripts = new Set<string>();

/** Redis 7.0 names the script and the line in it, not the command. @returns the commands that this line runs */
const commandInScript = (message: string): string | undefined => {
  const [, sha, line] = /script: ([0-9a-f]{40}), on @user_script:(\d+)/.exec(message) ?? [];
  if (sha === undefined) return undefined;
  for (const lua of scripts) {
    if (createHash('sha1').update(lua).digest('hex') !== sha) continue;
    const text = lua.split('\n')[Number(line) - 1] ?? '';
    const names = Array.from(text.matchAll(/\b(?:redis\.p?call|rcall)\(\s*['"](\w+)['"]/g), ([, name]) => name);
    return names.length === 0 ? undefined : [...new Set(names)].join("' or '");
  }
  return undefined;
};

/** Lets every command of a connection, in pipelines too, reject with `missingRight` where it applies. */
export const nameMissingRights = (client: Redis | Cluster): void => {
  const define = client.defineCommand;
  client.defineCommand = function (name, definition) {
    scripts.add(definition.lua);
    return define.call(this, name, definition);
  };
  const target = client as { sendCommand(command: Command, ...rest: unknown[]): unknown };
  const send = target.sendCommand;
  target.sendCommand = function (command, ...rest) {
    const { reject } = command;
    command.reject = (error) => reject(missingRight(error, command.name) ?? error);
    return send.call(this, command, ...rest);
  };
};
