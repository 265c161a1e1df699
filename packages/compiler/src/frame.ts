/** Problems as text: where, what, and the lines around it. */
import type { Problem } from './problems.ts';

const LINES_BEFORE = 2;
const LINES_AFTER = 1;
/** Longest line that is shown whole; minified code must not fill the terminal. */
const MAX_WIDTH = 160;

export interface Position {
  /** Both counted from 1. */
  readonly line: number;
  readonly column: number;
}

export function positionOf(code: string, offset: number): Position {
  const { starts } = linesOf(code);
  let line = 0;
  for (let high = starts.length; high - line > 1; ) {
    const middle = (line + high) >>> 1;
    if ((starts[middle] as number) <= offset) line = middle;
    else high = middle;
  }
  return { line: line + 1, column: offset - (starts[line] as number) + 1 };
}

interface Lines {
  readonly code: string;
  readonly lines: readonly string[];
  /** Offsets. */
  readonly starts: readonly number[];
}

/** Every place of one file is asked for before that of another. */
let last: Lines | undefined;

function linesOf(code: string): Lines {
  if (last?.code === code) return last;
  const starts = [0];
  for (let at = code.indexOf('\n'); at >= 0; at = code.indexOf('\n', at + 1)) starts.push(at + 1);
  last = { code, lines: code.split(/\r?\n/), starts };
  return last;
}

/**
 * @returns `src/a.ts:6:5 - error FLAME101: …`, the lines around it with the place underlined, and what to do.
 */
export function formatProblem(problem: Problem, file: string, code: string): string {
  const { line, column } = positionOf(code, problem.start);
  const { lines } = linesOf(code);
  const gutter = String(line + LINES_AFTER).length;
  const text = lines[line - 1] ?? '';
  const length = Math.max(1, Math.min(problem.end - problem.start, text.length - column + 1));
  const cut = text.length > MAX_WIDTH ? Math.max(0, column - 1 - MAX_WIDTH / 4) : 0;
  const frame: string[] = [];
  for (let n = Math.max(1, line - LINES_BEFORE); n <= Math.min(lines.length, line + LINES_AFTER); n++) {
    const shown = (lines[n - 1] ?? '').slice(cut, cut + MAX_WIDTH);
    frame.push(`${n === line ? '>' : ' '} ${String(n).padStart(gutter)} | ${shown}`.trimEnd());
    // Tabs are kept in the indent, so that the mark stands under the place whatever a tab's width is.
    const indent = text.slice(cut, column - 1).replace(/[^\t]/g, ' ');
    if (n === line) frame.push(`  ${' '.repeat(gutter)} | ${indent}${'^'.repeat(Math.min(length, MAX_WIDTH))}`);
  }
  const head = `${file}:${line}:${column} - ${problem.severity} ${problem.code}: ${problem.message}`;
  return [head, ...frame, ...(problem.help === undefined ? [] : [`  = help: ${problem.help}`])].join('\n');
}
