/** Log records as lines for people: when, how bad, of whom, what. */
import { oneLine } from './plain-text.ts';
import { paint } from './style.ts';

const WARN = 40;
const ERROR = 50;
/** Fields that every record has, or that stand elsewhere in the line. */
const KNOWN = ['level', 'time', 'pid', 'hostname', 'name', 'msg', 'err', 'runnerId', 'pool', 'stream'];

type LogRecord = Readonly<Record<string, unknown>>;

/**
 * A destination for pino. Below warnings it shows only what the application itself has printed.
 * @param say takes one line, without its break
 */
export const readableLog = (say: (line: string) => void): { write(text: string): void } => ({
  write(text) {
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const record = parse(line);
      if (record === undefined) say(oneLine(line));
      else if (Number(record.level) >= WARN || 'stream' in record) say(describe(record));
    }
  },
});

const parse = (line: string): LogRecord | undefined => {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'level' in value ? (value as LogRecord) : undefined;
  } catch {
    return undefined;
  }
};

const describe = (record: LogRecord): string => {
  const { level, time, msg, err, runnerId, pool } = record;
  const at = paint('dim', new Date(Number(time)).toTimeString().slice(0, 8));
  const of = paint('cyan', [pool, runnerId].filter((part) => part !== undefined).join(' ') || 'flame');
  const word = 'stream' in record ? '|' : Number(level) >= ERROR ? paint('red', 'error') : paint('yellow', 'warning');
  const cause = typeof err === 'object' && err !== null && 'message' in err ? String(err.message) : '';
  const told = [String(msg ?? ''), cause].filter((part) => part !== '').join(': ');
  return `${at}  ${of}  ${word}  ${oneLine(told)}${paint('dim', more(record))}`;
};

const more = (record: LogRecord): string => {
  const fields = Object.entries(record).filter(([name, value]) => !KNOWN.includes(name) && value !== undefined);
  if (fields.length === 0) return '';
  return `  (${fields.map(([name, value]) => `${name}: ${oneLine(typeof value === 'string' ? value : JSON.stringify(value))}`).join(', ')})`;
};
