/** Runs a program of `programs/` in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Program {
  readonly child: ChildProcess;
  /** Lines that it has printed. */
  readonly lines: readonly string[];
  /** Its errors, for messages. */
  readonly errors: () => string;
  /** Exit code, `null` as long as it runs. */
  readonly code: () => number | null;
  kill(): void;
}

export const runProgram = (name: string, redisUrl: string, args: readonly string[] = []): Program => {
  const file = fileURLToPath(new URL(`./programs/${name}.mjs`, import.meta.url));
  const child = spawn(process.execPath, [file, ...args], {
    env: { ...process.env, TEST_REDIS_URL: redisUrl },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  let open = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (open + text).split('\n');
    open = parts.pop() ?? '';
    lines.push(...parts);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  return { child, lines, errors: () => errors, code: () => child.exitCode, kill: () => void child.kill('SIGKILL') };
};
