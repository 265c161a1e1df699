/** A runner's output: into the log line by line, its last lines kept as the reason of a bad end. */
import type { Readable } from 'node:stream';
import type { Logger } from 'pino';

const TAIL_LINES = 10;
const TAIL_CHARACTERS = 1_000;
/** A line that never ends is cut, or it would fill the memory. */
const LINE_BYTES = 64_000;

export interface Output {
  /** Why it may have ended: what a runner logs as fatal; else its newest lines, of stderr if there were any. */
  tail(): string;
}

export const collectOutput = (stdout: Readable, stderr: Readable, log: Logger): Output => {
  const tails: Record<'stdout' | 'stderr', readonly string[]> = { stdout: [], stderr: [] };
  let fault: string | undefined;
  const take = (name: 'stdout' | 'stderr', line: string): void => {
    if (line.trim() === '') return;
    const record = parseRecord(line);
    const level = Number(record?.level ?? ERROR);
    if (record !== undefined && level >= FATAL) fault = describeRecord(record);
    if (level >= ERROR) {
      const stream = record === undefined ? name : 'stderr';
      tails[stream] = [...tails[stream], record === undefined ? line : describeRecord(record)].slice(-TAIL_LINES);
    }
    write(log, name, line, record);
  };
  const follow = (stream: Readable, name: 'stdout' | 'stderr'): void => {
    let rest = '';
    stream.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > LINE_BYTES) lines.push(rest.slice(0, LINE_BYTES));
      if (rest.length > LINE_BYTES) rest = '';
      for (const line of lines) take(name, line);
    });
    // What ended without a line break.
    stream.on('end', () => take(name, rest));
  };
  follow(stdout, 'stdout');
  follow(stderr, 'stderr');
  return { tail: () => fault ?? newest(tails.stderr.length > 0 ? tails.stderr : tails.stdout) };
};

const ERROR = 50;
const FATAL = 60;

/** Whole lines only, unless the last one alone is too long. */
const newest = (lines: readonly string[]): string => {
  let text = lines.at(-1)?.slice(0, TAIL_CHARACTERS) ?? '';
  for (const line of lines.slice(0, -1).reverse()) {
    if (text.length + line.length >= TAIL_CHARACTERS) break;
    text = `${line}\n${text}`;
  }
  return text;
};

/** A sentence instead of JSON: what was logged, and the first line of the error. */
const describeRecord = ({ msg, err }: Readonly<Record<string, unknown>>): string => {
  const cause = typeof err === 'object' && err !== null && 'message' in err ? String(err.message) : '';
  return [String(msg ?? ''), cause]
    .filter((part) => part !== '')
    .join(': ')
    .slice(0, TAIL_CHARACTERS);
};

/** What is a log record already keeps its level and fields. */
const write = (
  log: Logger,
  stream: 'stdout' | 'stderr',
  line: string,
  record: Readonly<Record<string, unknown>> | undefined,
): void => {
  if (record === undefined) {
    log[stream === 'stderr' ? 'warn' : 'info']({ stream }, line);
    return;
  }
  const { level, msg, time: _, pid: __, hostname: ___, ...fields } = record;
  log[levelName(Number(level))](fields, String(msg ?? ''));
};

const parseRecord = (line: string): Record<string, unknown> | undefined => {
  if (!line.startsWith('{')) return undefined;
  try {
    const value = JSON.parse(line) as Record<string, unknown>;
    return typeof value.level === 'number' && typeof value.time === 'number' ? value : undefined;
  } catch {
    return undefined;
  }
};

const levelName = (level: number): 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' =>
  level >= 60
    ? 'fatal'
    : level >= 50
      ? 'error'
      : level >= 40
        ? 'warn'
        : level >= 30
          ? 'info'
          : level >= 20
            ? 'debug'
            : 'trace';
