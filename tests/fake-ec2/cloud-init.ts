/**
 * What a machine would learn from user-data, read without executing anything. It reads the very script that the backend
 * made, and refuses one that it does not understand: a change of the script that breaks real machines breaks here too.
 */

export interface MachineSetup {
  /** Minutes of the dead-man timer. */
  readonly deadManMinutes: number;
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: readonly {
    readonly variable: string;
    readonly file: string;
    readonly store: 'ssm' | 'secretsmanager';
    readonly name: string;
  }[];
  readonly application: { readonly image: string } | { readonly archive: string };
  readonly command: readonly string[];
  /** Whether the script relays spot notices. */
  readonly relaysNotices: boolean;
}

/** @throws Error that says what is missing or not as expected. */
export const readUserData = (script: string): MachineSetup => {
  const lines = script.split('\n');
  if (lines[0] !== '#!/bin/bash')
    throw new Error(`user-data must begin with #!/bin/bash, not ${JSON.stringify(lines[0])}`);
  const timer = /^shutdown --no-wall -h \+(\d+) \|\| poweroff$/.exec(lines[1] ?? '');
  if (timer === null) throw new Error(`the first command must arm the dead-man timer, not ${JSON.stringify(lines[1])}`);
  const image = assigned(lines, 'image');
  const archive = assigned(lines, 'archive');
  if ((image === undefined) === (archive === undefined)) throw new Error('user-data must name an image or an archive');
  return {
    deadManMinutes: Number(timer[1]),
    env: readEnv(lines),
    secrets: lines.flatMap((line) => readSecret(line) ?? []),
    application: image !== undefined ? { image } : { archive: archive ?? '' },
    command: words(
      required(
        lines.find((line) => line.startsWith('command=(')),
        'command',
      ).slice('command=('.length, -1),
    ),
    relaysNotices: lines.includes('spot_relay &'),
  };
};

const readEnv = (lines: readonly string[]): Readonly<Record<string, string>> => {
  const begin = lines.indexOf('# flame:env:begin');
  const end = lines.indexOf('# flame:env:end');
  if (begin < 0 || end < begin) throw new Error('user-data has no environment block');
  // Values may hold line feeds: the block is read as words, as bash would.
  const block = lines.slice(begin + 1, end).join('\n');
  const inner = /^vars=\(([\s\S]*)\)$/.exec(block)?.[1];
  return Object.fromEntries(
    words(required(inner, 'environment')).map((assignment) => {
      const at = assignment.indexOf('=');
      if (at < 1) throw new Error(`no assignment: ${JSON.stringify(assignment)}`);
      return [assignment.slice(0, at), assignment.slice(at + 1)];
    }),
  );
};

const readSecret = (line: string): MachineSetup['secrets'][number] | undefined => {
  const [verb, file, variable, aws, store, ...rest] = line.startsWith('fetch_secret ') ? words(line) : [];
  if (verb === undefined || file === undefined || variable === undefined) return undefined;
  if (aws !== 'aws' || (store !== 'ssm' && store !== 'secretsmanager'))
    throw new Error(`no secret that can be read: ${line}`);
  return { file, variable, store, name: required(rest.at(-1), 'name of a secret') };
};

const assigned = (lines: readonly string[], name: string): string | undefined => {
  const line = lines.find((it) => it.startsWith(`${name}='`));
  return line === undefined ? undefined : words(line.slice(name.length + 1))[0];
};

/** Bash words of literals: bare, single-quoted, and `\'` between quotes. Nothing is expanded. */
const words = (text: string): string[] => {
  const found: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    if (/\s/.test(char)) {
      if (word !== undefined) found.push(word);
      word = undefined;
    } else if (char === "'") {
      const close = text.indexOf("'", at + 1);
      if (close < 0) throw new Error(`a quote is not closed in ${JSON.stringify(text)}`);
      word = (word ?? '') + text.slice(at + 1, close);
      at = close;
    } else if (char === '\\') {
      at += 1;
      word = (word ?? '') + (text[at] ?? '');
    } else if (/[$`"]/.test(char)) {
      throw new Error(`only literals are expected in ${JSON.stringify(text)}`);
    } else {
      word = (word ?? '') + char;
    }
  }
  if (word !== undefined) found.push(word);
  return found;
};

const required = <T>(value: T | undefined, what: string): T => {
  if (value === undefined) throw new Error(`user-data lacks: ${what}`);
  return value;
};
