/**
 * A job's hash before BullMQ parses it. BullMQ takes its fields for JSON and throws where they are not: out of a list of a hundred
 * jobs for the sake of one, and out of a runner's pick-up, which would leave the call in `active` for ever.
 */
import { parseObject } from './stored.ts';

/** What a damaged field becomes: nothing that anybody would execute. */
const SOUND: Readonly<Record<string, (text: string) => string>> = {
  // Data that is not even JSON is no envelope, which is what is said of it then.
  data: (text) => (isJson(text) ? text : 'null'),
  opts: (text) => (parseObject(text) === undefined ? '{}' : text),
  progress: (text) => (isJson(text) ? text : '0'),
  parent: (text) => (parseObject(text) === undefined ? '' : text),
};

/** @param hash names and values in turn @returns the same, with what BullMQ could not parse replaced */
export const soundHash = (hash: readonly unknown[]): unknown[] =>
  hash.map((value, at) => {
    const sound = at % 2 === 1 ? SOUND[String(hash[at - 1])] : undefined;
    return sound === undefined ? value : sound(String(value));
  });

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};
