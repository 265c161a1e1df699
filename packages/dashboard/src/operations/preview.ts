/** What is shown of encoded bytes: decoded, redacted and cut. Pure, and run off the event loop when there is much of it. */
import { decode, unpackPayload } from '@flamejs/protocol/codec';
import { redactText } from '@flamejs/protocol/redact-text';
import { PAGE_LIMITS, type PresentLimits, present } from './present.ts';
import type { Shown, ShownError } from './types.ts';

export interface PreviewRequest {
  /** A frame as it is stored, opened; or the JSON of a payload without binary parts. */
  readonly encoded: Uint8Array | string;
  /** Encoded bytes as they are told to people. */
  readonly size: number;
  /** Most bytes to decode. */
  readonly limit: number;
  /** Whether remote stacks are shown. */
  readonly stacks: boolean;
  readonly asError: boolean;
  readonly present?: PresentLimits;
}

/** Never throws: a value of a class that only the application registers cannot be rebuilt here. */
export const preview = ({ encoded, size, limit, stacks, asError, present: limits }: PreviewRequest): Shown => {
  let value: unknown;
  try {
    const payload = typeof encoded === 'string' ? { json: encoded, parts: [] } : unpackPayload(encoded);
    value = decode(payload, { limit });
  } catch (error) {
    return { kind: 'unreadable', message: error instanceof Error ? error.message : String(error), size };
  }
  if (asError && value instanceof Error) return { kind: 'error', ...showError(value, stacks), size };
  return { kind: 'value', ...present(value, limits ?? PAGE_LIMITS), size };
};

const CAUSES = 8;
const STACK_LENGTH = 20_000;

const showError = (error: Error, stacks: boolean): { error: ShownError; cut: boolean } => {
  const { code, advice } = error as { code?: unknown; advice?: unknown };
  const causes: string[] = [];
  for (let cause = error.cause; cause !== undefined && causes.length < CAUSES; ) {
    causes.push(cause instanceof Error ? redactText(`${cause.name}: ${cause.message}`).slice(0, 1_000) : brief(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  const stack = stacks ? String(error.stack ?? '') : '';
  const shown: ShownError = {
    name: String(error.name),
    message: redactText(String(error.message).slice(0, STACK_LENGTH)),
    code: typeof code === 'string' ? code : '',
    advice: typeof advice === 'string' ? advice : '',
    stack: redactText(stack.slice(0, STACK_LENGTH)),
    causes,
  };
  return { error: shown, cut: stack.length > STACK_LENGTH };
};

const brief = (value: unknown): string => JSON.stringify(present(value, PAGE_LIMITS).value).slice(0, 1_000);
