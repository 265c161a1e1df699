/** Runs the real `flame` command, as a shell does. */
import { fileURLToPath } from 'node:url';
import { APP_FOLDER } from '../support/fleet.ts';
import { type Exit, startNode, type TestProcess } from '../support/processes.ts';
import { settles } from '../support/wait-for.ts';

const BIN = fileURLToPath(new URL('../../packages/cli/bin/flame.js', import.meta.url));

export interface Ran extends Exit {
  readonly output: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
  readonly json: any;
  /** Lines that a terminal of 80 columns would break. */
  readonly wide: readonly string[];
}

export interface FlameOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
}

/** Starts it and goes on: for those that run until they are told to stop. */
export const startFlame = (args: readonly string[], { env, cwd = APP_FOLDER }: FlameOptions): Promise<TestProcess> =>
  startNode(BIN, { args, cwd, env: { NO_COLOR: '1', ...env } });

/** Runs it to its end. */
export const flame = async (args: readonly string[], options: FlameOptions): Promise<Ran> => {
  await using run = await startFlame(args, options);
  const exit = await settles(run.exited, { what: `flame ${args.join(' ')}` });
  await run.waitForOutput(/$/);
  const output = run.output();
  return {
    ...exit,
    output,
    get json() {
      return JSON.parse(output);
    },
    wide: output.split('\n').filter((line) => line.length > 80),
  };
};
