/** What a shell hands over, as values. */
import { FlameConfigError } from '@flamejs/queue/errors';

export interface Sources {
  readFile(path: string): Promise<Uint8Array>;
  stdin(): Promise<Uint8Array>;
}

/**
 * @param code a JavaScript expression in the place of the arguments
 * @returns the arguments of the call. @throws FlameConfigError for what is neither JSON nor a word, and for a file that is not there
 */
export const argumentsFrom = async (
  given: readonly string[],
  code: string | undefined,
  sources: Sources,
): Promise<readonly unknown[]> => {
  if (code === undefined) return Promise.all(given.map((text, at) => argumentFrom(text, at, sources)));
  if (given.length > 0) throw misuse('give arguments or --eval, not both');
  return evaluated(code);
};

const argumentFrom = async (text: string, at: number, { readFile, stdin }: Sources): Promise<unknown> => {
  if (text === '@-') return stdin();
  if (text.startsWith('@')) {
    return readFile(text.slice(1)).catch((cause: NodeJS.ErrnoException) => {
      throw misuse(`argument ${at + 1}: ${text.slice(1)} cannot be read (${cause.code ?? cause.message})`);
    });
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    // Began like JSON: a slip, and not a word.
    if (!/^[[{"]/.test(text)) return text;
    throw misuse(`argument ${at + 1} is no JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
};

/** The code is that of whoever has typed the command. */
const evaluated = async (code: string): Promise<readonly unknown[]> => {
  let value: unknown;
  try {
    value = await new Function(`return (${code}\n);`)();
  } catch (cause) {
    throw misuse(`--eval: ${cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)}`);
  }
  return Array.isArray(value) ? value : [value];
};

const misuse = (message: string): FlameConfigError =>
  new FlameConfigError(message, {
    problems: [{ path: 'arguments', message }],
    advice: '`flame call --help` shows what arguments may be.',
  });
