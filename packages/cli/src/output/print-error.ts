/** Errors for people: what happened, what to do; no stack unless FLAME_DEBUG is set. */
import { FlameConfigError, FlameError } from '@flamejs/queue/errors';
import { plainText } from './plain-text.ts';
import { paint } from './style.ts';

export const printError = (error: unknown): void => {
  const write = (line: string): void => void process.stderr.write(`${line}\n`);
  const mark = paint('red', 'error', process.stderr);
  if (error instanceof FlameConfigError && error.problems.length > 1) {
    write(`${mark} ${error.problems.length} problems in the configuration:`);
    for (const { path, message } of error.problems) write(`  ${path === '' ? '' : `${path}: `}${plainText(message)}`);
  } else {
    write(`${mark} ${plainText(error instanceof Error ? error.message : String(error))}`);
  }
  if (error instanceof FlameError) {
    write(`${paint('dim', 'what to do:', process.stderr)} ${plainText(error.advice)}`);
    write(`${paint('dim', 'more:', process.stderr)} ${plainText(error.docs ?? error.code)}`);
  }
  if (process.env.FLAME_DEBUG !== undefined && error instanceof Error) write(String(error.stack));
};
