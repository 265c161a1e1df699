/** The one error of the compiler. It is thrown where no call is made, so it is not one of the facade's classes, but reads like one. */
import { docsOf } from '@flamejs/protocol/errors/docs';
import { formatProblem } from './frame.ts';
import type { Problem } from './problems.ts';

/**
 * A file has flame calls that cannot be compiled. Thrown by the loader and by bundler plugins; the message holds every
 * problem of the file with the lines around it. Change the source as each `help` says; docs/closures.md explains the rules.
 */
export class FlameCompileError extends Error {
  readonly code = 'FLAME_ERR_COMPILE';
  /** The page about this error. */
  readonly docs = docsOf('FLAME_ERR_COMPILE');
  readonly file: string;
  declare readonly problems: readonly Problem[];
  /** What else was found, for tools that show everything. */
  declare readonly warnings: readonly Problem[];

  constructor(problems: readonly Problem[], file: string, source: string, warnings: readonly Problem[] = []) {
    super(problems.map((problem) => formatProblem(problem, file, source)).join('\n\n'));
    this.name = 'FlameCompileError';
    this.file = file;
    // Not enumerable: Node prints own fields of an uncaught error, and the message has said it all.
    Object.defineProperty(this, 'problems', { value: problems, enumerable: false });
    Object.defineProperty(this, 'warnings', { value: warnings, enumerable: false });
    // Node prints `stack`, and where in the compiler this was thrown helps nobody.
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    this.stack = `FlameCompileError: ${count} in ${file}\n\n${this.message}\n`;
  }
}
