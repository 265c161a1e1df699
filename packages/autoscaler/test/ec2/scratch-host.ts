/**
 * A scratch machine for user-data: the real script under the real bash, with its paths moved into a temporary folder and
 * the commands that would touch this machine replaced by recorders that come first in PATH.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a recorder does besides recording; bash, with the command's arguments in `$@`. */
export type Behaviours = Readonly<Record<string, string>>;

const DEFAULTS: Behaviours = {
  shutdown: '',
  poweroff: '',
  iptables: '',
  chown: '',
  useradd: '',
  docker: '',
  curl: 'exit 22',
  // The archive is one file; `aws` answers as the CLI does, with a line feed at the end.
  aws: `case "$*" in
    *"s3 cp"*) cp "$SCRATCH/app.tar.gz" "\${@: -1}" ;;
    *get-login-password*) echo token ;;
    *) echo "value of \${@: -1}" ;;
  esac`,
  // Drops no privileges here: the words up to `env` are the options.
  setpriv: 'while [ "$1" != env ]; do shift; done; exec "$@"',
  // Pauses are a hundred times shorter; limits stay as they are, or a busy test machine would trip them.
  sleep: 'exec /bin/sleep "$(printf "0.%02d" "$1")"',
  id: 'exit 1',
};

export interface Host {
  readonly root: string;
  /** Every recorded command, in order. */
  log(): Promise<readonly string[]>;
  /** Runs a script to its end, or to `limitMs`. */
  boot(
    script: string,
    limitMs?: number,
  ): Promise<{ readonly code: number | null; readonly signal: string | null; readonly timedOut: boolean }>;
  /** Starts a script and leaves it running. */
  start(script: string): ChildProcess;
  close(): Promise<void>;
}

export const createHost = async (behaviours: Behaviours = {}): Promise<Host> => {
  const root = await mkdtemp(join(tmpdir(), 'flame-host-'));
  const bin = join(root, 'bin');
  const logFile = join(root, 'commands.log');
  await mkdir(bin);
  await writeFile(logFile, '');
  for (const [name, body] of Object.entries({ ...DEFAULTS, ...behaviours })) {
    const path = join(bin, name);
    await writeFile(
      path,
      `#!/bin/bash\nwords=(${name} "$@"); printf '%s\\n' "\${words[*]}" >> "$SCRATCH/commands.log"\n${body}\n`,
    );
    await chmod(path, 0o755);
  }
  const children: ChildProcess[] = [];
  const start = (script: string): ChildProcess => {
    // Through a pipe and a file, as cloud-init does: bash reads it as it goes.
    const child = spawn('/bin/bash', ['-c', 'cat > "$SCRATCH/user-data" && exec /bin/bash "$SCRATCH/user-data"'], {
      detached: true,
      stdio: ['pipe', 'ignore', 'pipe'],
      env: {
        ...process.env,
        PATH: `${bin}:${process.env.PATH}`,
        SCRATCH: root,
        FLAME_HOST_ROOT: root,
        FLAME_IMDS_ENDPOINT: 'http://metadata.invalid',
      },
    });
    child.stdin?.on('error', () => undefined).end(script);
    child.stderr?.resume();
    children.push(child);
    return child;
  };
  return {
    root,
    start,
    log: async () => (await readFile(logFile, 'utf8')).split('\n').filter((line) => line !== ''),
    boot: async (script, limitMs = 20_000) => {
      const child = start(script);
      return new Promise((resolve, reject) => {
        let timedOut = false;
        const timer = setTimeout(() => {
          timedOut = true;
          killGroup(child);
        }, limitMs);
        child.once('error', reject);
        child.once('exit', (code, signal) => {
          clearTimeout(timer);
          killGroup(child);
          resolve({ code, signal, timedOut });
        });
      });
    },
    close: async () => {
      for (const child of children) killGroup(child);
      await rm(root, { recursive: true, force: true });
    },
  };
};

const killGroup = ({ pid }: ChildProcess): void => {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody left in it.
  }
};

/** The machine ends at once. */
export const stops = (log: readonly string[]): boolean =>
  log.some((line) => /^(shutdown .*-h now|poweroff)/.test(line));
/** The machine ends when its time is up. */
export const armed = (log: readonly string[]): boolean =>
  log.some((line) => /^shutdown .*-h \+\d+$/.test(line)) && !log.some((line) => /^shutdown (-c|.* -c\b)/.test(line));
/** How often the timer was set. */
export const armings = (log: readonly string[]): number =>
  log.filter((line) => /^shutdown .*-h \+\d+$/.test(line)).length;
