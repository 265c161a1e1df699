/**
 * Where the kernel ends executors with their runner, at once and whatever they do, somebody else has to end what they had started and to
 * remove their files. That is a shell for all executors of a runner, which sleeps until its pipe to the runner closes. Elsewhere each
 * executor has a watchdog of its own, which does both.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { Socket } from 'node:net';
import { bounded } from '../bounded.ts';
import { MARK_ENV } from './markers.ts';

export interface Janitor {
  started(pid: number): void;
  ended(pid: number): void;
  /** Resolves when it has gone; nothing is left to do for it. */
  close(): Promise<void>;
}

/** What starts an executor so that the kernel ends it with the thread that has started it. */
export const WITH_RUNNER: readonly string[] = ['--pdeathsig', 'KILL'];
export const SETPRIV = 'setpriv';

let known: boolean | undefined;

/** @returns whether this system's kernel and tools can do it. Asked once. */
export const endsWithRunner = (): boolean => {
  known ??=
    process.platform === 'linux' && spawnSync(SETPRIV, [...WITH_RUNNER, 'true'], { stdio: 'ignore' }).status === 0;
  return known;
};

/** A group first, for children that have cleared their environment; then by the mark, for those that have left it. */
const SCRIPT = `
trap '' TERM INT HUP
live=
while read -r verb pid; do
  case $verb in
    start) live="$live $pid" ;;
    end) kept=; for each in $live; do [ "$each" = "$pid" ] || kept="$kept $each"; done; live=$kept ;;
    done) exit 0 ;;
  esac
done
for pid in $live; do kill -9 -$pid; done
for round in 1 2 3; do
  for file in /proc/[0-9]*/environ; do
    pid=\${file#/proc/}
    tr '\\0' '\\n' < $file | grep -q "^${MARK_ENV}=$1-" && kill -9 \${pid%/environ}
  done
done
rm -rf "$2"
`;

const CLOSE_MS = 1_000;

/** @param family what the marks of all executors begin with. @param tempRoot the folder of their files */
export const startJanitor = (family: string, tempRoot: string): Janitor => {
  const child = spawn('sh', ['-c', SCRIPT, 'flame-janitor', family, tempRoot], {
    detached: true,
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()).once('error', () => resolve()));
  const pipe = child.stdin as unknown as Socket;
  pipe.on('error', () => {});
  child.unref();
  pipe.unref();
  return {
    started: (pid) => void pipe.write(`start ${pid}\n`),
    ended: (pid) => void pipe.write(`end ${pid}\n`),
    close: () => {
      pipe.end('done 0\n');
      return bounded(gone, CLOSE_MS);
    },
  };
};
