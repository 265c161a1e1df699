/** A text that must not turn up where it is looked for, and looking for it: in Redis, and in all that was sent to it. */
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { expect } from 'vitest';

/** Long enough that no chance makes it, and of letters, so that no escape hides it. */
export const newCanary = (): string => `canary${randomBytes(12).toString('hex')}`;

/** @returns the canary, its hex form, and what base64 makes of it at each of the three places where it can begin. */
const formsOf = (canary: string): readonly string[] => {
  const inside = (shift: number): string => {
    const text = Buffer.from(`${'\0'.repeat(shift)}${canary}`).toString('base64');
    return text.slice(shift === 0 ? 0 : 4, -4);
  };
  return [canary, Buffer.from(canary).toString('hex'), inside(0), inside(1), inside(2)];
};

/** Fails with the text around the canary. @param where for the message */
export const expectNone = (text: string, canary: string, where: string): void => {
  for (const form of formsOf(canary)) {
    const at = text.indexOf(form);
    expect(at === -1 ? '' : `${where}: …${text.slice(Math.max(0, at - 80), at + form.length + 20)}…`).toBe('');
  }
};

/** That the search finds what is there: without it, a test that looks in the wrong place would pass. */
export const expectSome = (text: string, canary: string, where: string): void => {
  expect(
    formsOf(canary).some((form) => text.includes(form)),
    where,
  ).toBe(true);
};

/** Every key and every value, as text; bytes as Latin-1. */
export const everythingIn = async (client: Redis): Promise<string> => {
  const found: string[] = [];
  const add = (value: unknown): void => {
    if (Array.isArray(value)) for (const each of value) add(each);
    else if (Buffer.isBuffer(value)) found.push(value.toString('latin1'));
    else if (typeof value === 'object' && value !== null) for (const pair of Object.entries(value)) add(pair);
    else found.push(String(value));
  };
  for (const key of await client.keys('*')) {
    found.push(key);
    add(await readers[await client.type(key)]?.(client, key));
  }
  return found.join('\n');
};

const readers: Readonly<Record<string, (client: Redis, key: string) => Promise<unknown>>> = {
  string: (client, key) => client.getBuffer(key),
  hash: (client, key) => client.hgetallBuffer(key),
  list: (client, key) => client.lrangeBuffer(key, 0, -1),
  set: (client, key) => client.smembersBuffer(key),
  zset: (client, key) => client.zrangeBuffer(key, '0', '-1'),
  stream: (client, key) => client.xrangeBuffer(key, '-', '+'),
};

/** Hears every command that anybody sends, channels included: what has expired since is in it too. */
export const watchCommands = async (client: Redis): Promise<{ heard(): string; stop(): void }> => {
  const monitor = await client.monitor();
  const lines: string[] = [];
  monitor.on('monitor', (_time: string, args: readonly string[]) => lines.push(args.join(' ')));
  return { heard: () => lines.join('\n'), stop: () => monitor.disconnect() };
};
