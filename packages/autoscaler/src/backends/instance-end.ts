/** How an instance ended, in the words that people read, from what a provider knows of it. Pure. */
import { redactText } from '@flamejs/protocol/redact-text';
import type { InstanceEnd } from '@flamejs/queue';

const LINES = 20;
const LENGTH = 2_000;

export interface EndFacts extends Omit<InstanceEnd, 'reason'> {
  /** The provider's own words, when it has any. */
  readonly told?: string | undefined;
  /** All that is left of its output. */
  readonly output?: string;
}

export const instanceEnd = ({ told, output = '', ...facts }: EndFacts): InstanceEnd => {
  const outOfMemory = facts.outOfMemory === true || OUT_OF_MEMORY.test(output);
  const how = howOf(facts);
  const reason = [outOfMemory ? `out of memory${how === '' ? '' : ` (${how})`}` : how, told ?? '']
    .filter((part) => part !== '')
    .join(': ');
  const lastLines = facts.exitCode === 0 ? '' : plainLines(output);
  return {
    ...facts,
    reason: reason === '' ? 'its machine is gone' : reason,
    ...(outOfMemory ? { outOfMemory } : {}),
    ...(lastLines === '' ? {} : { lastLines }),
  };
};

/** The end as one text: what happened, and what it said last. */
export const describeEnd = ({ reason, lastLines }: InstanceEnd): string =>
  lastLines === undefined || lastLines === '' ? reason : `${reason}: ${lastLines}`;

/** What Node writes when its heap is full; the signal alone would be an abort like any other. */
const OUT_OF_MEMORY = /JavaScript heap out of memory/;

const howOf = ({ exitCode, signal }: Pick<InstanceEnd, 'exitCode' | 'signal'>): string => {
  if (signal !== undefined) return `ended by ${signal}`;
  return exitCode === undefined ? '' : `exited with code ${exitCode}`;
};

/** Log records as their messages: a person who reads an error must not have to read JSON. */
const plainLines = (output: string): string => {
  const lines = output
    .split('\n')
    .map(plainLine)
    .filter((line) => line.trim() !== '');
  return redactText(lines.slice(-LINES).join('\n')).slice(-LENGTH).trim();
};

const plainLine = (line: string): string => {
  // A line that has lost its beginning: half a record says nothing.
  if (!line.startsWith('{')) return /"(level|msg)":.*}$/.test(line) ? '' : line;
  try {
    const { msg, err, reason } = JSON.parse(line) as { msg?: unknown; err?: { message?: unknown }; reason?: unknown };
    const parts = [msg, err?.message, reason].filter((part): part is string => typeof part === 'string' && part !== '');
    return parts.length === 0 ? line : parts.join(': ');
  } catch {
    return line;
  }
};
