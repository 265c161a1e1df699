/** Finds in a source what of BullMQ changes when its workers move to runners. By its text: what it tells is for people, who look at the place. */

export interface Found {
  /** Counted from 1. */
  readonly line: number;
  readonly what: string;
  readonly advice: string;
  /** Of a Worker whose queue is written there. */
  readonly pool?: { readonly queue: string; readonly concurrency: number | undefined };
}

const OPTIONS = [
  'connection',
  'concurrency',
  'autorun',
  'useWorkerThreads',
  'workerForkOptions',
  'workerThreadsOptions',
  'name',
  'telemetry',
  'lockRenewTime',
  'skipLockRenewal',
  'skipStalledCheck',
  'drainDelay',
];

/** @returns what was found, by line; nothing in a source that does not name BullMQ */
export const findBullmq = (text: string): readonly Found[] => {
  if (!/(?:from|require\(|import\()\s*['"]bullmq['"]/.test(text)) return [];
  const code = masked(text);
  const found = [...workersIn(text, code), ...repeatsIn(code, text)];
  return found.sort((a, b) => a.line - b.line);
};

const workersIn = (text: string, code: string): Found[] =>
  workerNames(text).flatMap((name) =>
    [...code.matchAll(new RegExp(`\\bnew\\s+${name}\\b\\s*(?:<[^()]*>\\s*)?\\(`, 'g'))].map((match): Found => {
      const start = match.index + match[0].length;
      const end = closingOf(code, start);
      const args = text.slice(start, end);
      const queue = /^\s*(['"`])([^'"`$]+)\1/.exec(args)?.[2];
      const left = OPTIONS.filter((option) =>
        new RegExp(`(?:^|[{,\\s])${option}\\s*(?=[:,}])`).test(code.slice(start, end)),
      );
      const concurrency = Number(/\bconcurrency\s*:\s*(\d+)/.exec(args)?.[1]) || undefined;
      const shown = queue === undefined ? '…' : `'${queue}', …`;
      const out = left.length === 0 ? '' : `, without ${left.join(', ')}`;
      return {
        line: lineOf(text, match.index),
        what: `new ${name}(${shown})`,
        advice: `flame.worker(${shown})${out}`,
        ...(queue !== undefined && { pool: { queue, concurrency } }),
      };
    }),
  );

/** `repeat` of `queue.add` is gone in BullMQ 6. */
const repeatsIn = (code: string, text: string): Found[] =>
  [...code.matchAll(/(?<=[{,\s])repeat\s*:\s*\{/g)].map(({ index }) => ({
    line: lineOf(text, index),
    what: 'repeat: { … }',
    advice:
      'queue.upsertJobScheduler(id, { pattern or every }, { name, data, opts }), and npx flamejs migrate --schedules for those that are there',
  }));

/** What this source calls BullMQ's Worker; that of node:worker_threads has the same name. */
const workerNames = (text: string): readonly string[] => {
  const names = new Set<string>();
  for (const [, list = ''] of text.matchAll(
    /(?:import|const|let|var)\s+(?:type\s+)?\{([^}]*)\}\s*(?:from\s*|=\s*(?:await\s+)?(?:require|import)\s*\(\s*)['"]bullmq['"]/g,
  ))
    for (const part of list.split(',')) {
      const [, name, as] = /^\s*(\w+)(?:\s*(?:as|:)\s*(\w+))?\s*$/.exec(part) ?? [];
      if (name === 'Worker') names.add(as ?? name);
    }
  for (const [, name = ''] of text.matchAll(/import\s+\*\s+as\s+(\w+)\s+from\s*['"]bullmq['"]/g))
    names.add(`${name}\\.Worker`);
  return [...names];
};

const lineOf = (text: string, index: number): number => text.slice(0, index).split('\n').length;

/** The place of the parenthesis that closes the one before `start`; the end of the text when there is none. */
const closingOf = (code: string, start: number): number => {
  let depth = 1;
  for (let at = start; at < code.length; at += 1) {
    if (code[at] === '(') depth += 1;
    if (code[at] === ')') depth -= 1;
    if (depth === 0) return at;
  }
  return code.length;
};

/** The same text with blanks for what stands in comments and strings: every place stays where it is. */
const masked = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|(["'`])(?:\\[\s\S]|(?!\1)[^\\])*\1/g, (part) =>
    part.replace(/[^\n]/g, ' '),
  );
