/** Errors for people: what happened, what to do; no stack unless FLAME_DEBUG is set. */
import { styleText } from 'node:util';
import { FlameConfigError, FlameError } from '@flamejs/queue';

export const printError = (error: unknown): void => {
  const write = (line: string): void => void process.stderr.write(`${line}\n`);
  if (error instanceof FlameConfigError && error.problems.length > 1) {
    write(`${styleText('red', 'error')} ${error.problems.length} problems in the configuration:`);
    for (const { path, message } of error.problems) write(`  ${path === '' ? '' : `${styleText('bold', path)}: `}${message}`);
  } else {
    write(`${styleText('red', 'error')} ${error instanceof Error ? error.message : String(error)}`);
  }
  if (error instanceof FlameError) write(`${styleText('dim', 'what to do:')} ${error.advice}`);
  if (process.env.FLAME_DEBUG !== undefined && error instanceof Error) write(String(error.stack));
};
