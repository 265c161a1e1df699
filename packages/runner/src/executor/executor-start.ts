/** How the executors of one pool are started: entry, command line, environment and kind, decided once. */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { typescriptLoader } from '@flamejs/queue/load-config';
import { type ExecutorEnv, markedEnv } from './executor-env.ts';
import { endsWithRunner } from './janitor.ts';
import type { OpenLink } from './link.ts';
import { heapMegabytes, inheritableExecArgv } from './node-options.ts';
import { processLinks } from './process-link.ts';
import { threadLinks } from './thread-link.ts';
import type { ExecutorPoolOptions } from './types.ts';

/** @throws FlameConfigError when a module is TypeScript and nothing here can load it. */
export const executorLinks = (options: ExecutorPoolOptions, environment: ExecutorEnv): OpenLink => {
  const { isolation, memoryLimit, modules, root = process.cwd() } = options;
  // Run from its own source, as its tests do, this package needs a loader as well.
  const extension = extname(import.meta.url);
  const entry = new URL(
    `./inside/executor-${isolation === 'process' ? 'main' : 'thread'}${extension}`,
    import.meta.url,
  );
  const execArgv = [...inheritableExecArgv(process.execArgv), ...(options.execArgv ?? [])];
  const loader = typescriptLoader([...modules, entry.href], root);
  const env = (mark: string) => markedEnv(environment, mark);
  if (isolation === 'thread')
    return threadLinks({ entry, execArgv: threadArgv(execArgv), env, memoryLimit, loaders: loader?.apis ?? [] });
  const heap = memoryLimit === undefined ? [] : [`--max-old-space-size=${heapMegabytes(memoryLimit)}`];
  return processLinks({
    entry: fileURLToPath(entry),
    execArgv: [
      ...execArgv,
      ...(loader === undefined || hasTsx(execArgv) ? [] : ['--import', loader.forProcess]),
      ...heap,
    ],
    env,
    byKernel: endsWithRunner(),
  });
};

const hasTsx = (execArgv: readonly string[]): boolean => execArgv.some((option) => /\btsx\b/.test(option));

/** A worker thread refuses options of V8 and of the process; of the others, loaders are what matters. */
const threadArgv = (execArgv: readonly string[]): readonly string[] => {
  const kept: string[] = [];
  for (let at = 0; at < execArgv.length; at += 1) {
    const option = execArgv[at] ?? '';
    const value = execArgv[at + 1];
    if (
      /^(--import|--require|-r|--loader|--experimental-loader|--conditions|-C)$/.test(option) &&
      value !== undefined
    ) {
      kept.push(option, value);
      at += 1;
    } else if (
      /^--(import|require|loader|experimental-loader|conditions|enable-source-maps|no-warnings)\b/.test(option)
    ) {
      kept.push(option);
    }
  }
  return kept;
};
