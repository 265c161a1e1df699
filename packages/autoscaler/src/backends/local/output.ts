/** A runner's output: into the log line by line, its last lines kept as the reason of a bad end. */
import type { Readable } from 'node:stream';
import type { Logger } from 'pino';

const TAIL_BYTES = 4_000;
/** A line that never ends is cut, or it would fill the memory. */
const LINE_BYTES = 64_000;

export interface Output {
  /** The newest output, stderr if there was any. */
  tail(): string;
}

export const collectOutput = (stdout: Readable, stderr: Readable, log: Logger): Output => {
  const tails = { stdout: '', stderr: '' };
  const follow = (stream: Readable, name: 'stdout' | 'stderr'): void => {
    let rest = '';
    stream.setEncoding('utf8').on('data', (text: string) => {
      tails[name] = (tails[name] + text).slice(-TAIL_BYTES);
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > LINE_BYTES) lines.push(rest.slice(0, LINE_BYTES));
      if (rest.length > LINE_BYTES) rest = '';
      for (const line of lines) if (line !== '') write(log, name, line);
    });
    stream.on('end', () => {
      if (rest !== '') write(log, name, rest);
    });
  };
  follow(stdout, 'stdout');
  follow(stderr, 'stderr');
  return { tail: () => (tails.stderr.trim() !== '' ? tails.stderr : tails.stdout).trim() };
};

/** What is a log record already keeps its level and fields. */
const write = (log: Logger, stream: 'stdout' | 'stderr', line: string): void => {
  const record = parseRecord(line);
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
