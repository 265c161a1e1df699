// Running other programs for the scripts: loud (their output is ours) or quiet (shown only when they fail).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** A program ended with a failure; the scripts print its message without a stack. */
export class StepError extends Error {
  name = 'StepError';
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * Runs a program to its end. `quiet: 'stdout'` keeps only stdout back, `true` both streams.
 * @returns its exit code and, when quiet, what it wrote to stdout; rejects only when it cannot be started.
 */
export const execute = async (command, args, { quiet = false, env = {}, cwd = root, timeoutMs = 0 } = {}) => {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['inherit', quiet ? 'pipe' : 'inherit', quiet === true ? 'pipe' : 'inherit'],
    ...(timeoutMs > 0 ? { timeout: timeoutMs, killSignal: 'SIGKILL' } : {}),
    shell: process.platform === 'win32' && command === 'npm',
  });
  let stdout = '';
  let both = '';
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    stdout += text;
    both += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    both += text;
  });
  const stopForwarding = forwardSignals(child);
  try {
    const [code, signal] = await once(child, 'close');
    return { code: code ?? 128, signal, stdout, output: both };
  } finally {
    stopForwarding();
  }
};

/** Runs a program and throws a StepError with the end of its output when it fails. @returns its stdout when quiet. */
export const step = async (label, command, args, options = {}) => {
  const started = performance.now();
  const result = await execute(command, args, options);
  if (result.code !== 0) {
    if (options.quiet) process.stderr.write(`${result.output.split('\n').slice(-60).join('\n')}\n`);
    throw new StepError(
      `${label} failed (${[command, ...args].join(' ')} ended with ${result.signal ?? result.code})`,
      result.code,
    );
  }
  if (options.quiet) say(`${label}: done in ${seconds(started)}`);
  return result.stdout;
};

export const say = (text) => process.stdout.write(`${text}\n`);

export const seconds = (started) => `${((performance.now() - started) / 1000).toFixed(1)} s`;

/** Runs a script's main function; a StepError becomes one line and its exit code. */
export const main = async (body) => {
  try {
    process.exitCode = (await body()) ?? 0;
  } catch (error) {
    process.stderr.write(`\n${error instanceof StepError ? error.message : (error.stack ?? error)}\n`);
    process.exitCode = (error instanceof StepError && error.exitCode) || 1;
  }
};

// On a terminal Ctrl-C reaches the whole group; here we only make sure that we outlive the child, which cleans up.
// A SIGTERM is sent to us alone, so it is handed on.
const forwardSignals = (child) => {
  const onInterrupt = () => {};
  const onTerminate = () => child.kill('SIGTERM');
  process.on('SIGINT', onInterrupt);
  process.on('SIGTERM', onTerminate);
  return () => {
    process.off('SIGINT', onInterrupt);
    process.off('SIGTERM', onTerminate);
  };
};
