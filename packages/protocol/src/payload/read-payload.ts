/** Reads `payload` of the config: a transform or a list of them, those of the user's as well as ours. */
import type { ConfigProblem } from '../errors/input-errors.ts';
import { show } from '../parsed.ts';
import type { EncryptionKey, KeyedTransform, PayloadTransform } from './types.ts';

/** A step as users write it. */
export type PayloadStep = PayloadTransform | KeyedTransform;

/** @param detached a process that never meets sealed bytes, such as an executor: it needs no keys */
export const readPayloadSteps = (
  value: unknown,
  keys: readonly EncryptionKey[],
  detached: boolean,
  problems: ConfigProblem[],
): readonly PayloadTransform[] => {
  const steps: PayloadTransform[] = [];
  const list = value === undefined ? [] : Array.isArray(value) ? (value as readonly unknown[]) : [value];
  for (const [i, step] of list.entries()) {
    const path = Array.isArray(value) ? `payload[${i}]` : 'payload';
    const refused = refusal(step);
    if (refused !== undefined) problems.push({ path, message: refused });
    else if (!isKeyed(step)) steps.push(step as PayloadTransform);
    else if (keys.length > 0) steps.push(step.withKeys(keys));
    else if (!detached) {
      const message = `${step.name}() needs \`encryptionKeys\`, or FLAME_ENCRYPTION_KEYS (id:key), with at least one key`;
      problems.push({ path, message });
    }
  }
  const compressing = steps.findIndex(({ name }) => name === 'compress');
  const encrypting = steps.findIndex(({ name }) => name === 'encrypt');
  if (encrypting >= 0 && compressing > encrypting) {
    problems.push({
      path: 'payload',
      message: 'put compress() before encrypt(): what is encrypted cannot be compressed',
    });
  }
  return steps;
};

const refusal = (step: unknown): string | undefined => {
  if (typeof step !== 'object' || step === null) {
    return `expected compress(), encrypt(), or an object with name, seal and open, got ${show(step)}`;
  }
  const { name, seal, open } = step as Partial<Record<'name' | 'seal' | 'open', unknown>>;
  if (typeof name !== 'string' || name === '') return 'is no transform: it has no name';
  if (isKeyed(step) || (typeof seal === 'function' && typeof open === 'function')) return undefined;
  return `"${name.slice(0, 40)}" is no transform: it needs the functions seal and open`;
};

const isKeyed = (step: unknown): step is KeyedTransform =>
  typeof step === 'object' && step !== null && 'withKeys' in step && typeof step.withKeys === 'function';
