/** `flame migrate`: tells what changes when workers of BullMQ move to runners, and moves repeatable jobs of the old kind. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { FlameConfigError } from '@flamejs/queue/errors';
import { Command } from 'commander';
import { loadApp } from '../load-app.ts';
import { type Found, findBullmq } from '../migrate/find-bullmq.ts';
import { say } from '../output/print.ts';
import { optionsOf } from '../with-operations.ts';

export const migrateCommand = (): Command =>
  new Command('migrate')
    .argument('[paths...]', 'sources or folders of the application', ['.'])
    .option('--schedules', 'make job schedulers of the repeatable jobs in the queues that pools serve')
    .action(async (paths: readonly string[], _options: object, command: Command) => {
      if (optionsOf<{ schedules?: boolean }>(command).schedules === true) await moveSchedules(command);
      else await tell(paths);
    });

const tell = async (paths: readonly string[]): Promise<void> => {
  const found: (Found & { readonly file: string })[] = [];
  for (const path of paths)
    for (const file of await sourcesIn(resolve(path)))
      found.push(...findBullmq(readFileSync(file, 'utf8')).map((each) => ({ ...each, file: relative('.', file) })));
  if (found.length === 0) return say('no worker of BullMQ was found: there is nothing to change');
  for (const { file, line, what, advice } of found) say(`${file}:${line}  ${what}\n    ${advice}`);
  const pools = found.flatMap(({ pool }) => pool ?? []);
  if (pools.length === 0) return;
  say('\nin flame.config, with the modules above among `functions`:\n\n  pools: {');
  for (const { queue, concurrency } of pools)
    say(
      `    ${JSON.stringify(poolName(queue))}: { bullmq: { queue: ${JSON.stringify(queue)} }${concurrency === undefined ? '' : `, maxConcurrency: ${concurrency}`} },`,
    );
  say('  },');
};

/** What may be a pool's name, as near as it comes to this one. */
const poolName = (queue: string): string =>
  queue
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 63) || 'jobs';

const SOURCE = /\.[cm]?[jt]sx?$/;
const LEFT_OUT: ReadonlySet<string> = new Set(['node_modules', 'dist', 'build', 'coverage']);

/** @throws FlameConfigError when there is no such path */
const sourcesIn = async (path: string): Promise<readonly string[]> => {
  if (!existsSync(path)) {
    const message = `there is no file or folder ${path}`;
    throw new FlameConfigError(message, { problems: [{ path: 'paths', message }] });
  }
  if (!statSync(path).isDirectory()) return [path];
  const entries = await readdir(path, { withFileTypes: true });
  const below = await Promise.all(
    entries.map(async (entry) => {
      if (entry.isDirectory())
        return entry.name.startsWith('.') || LEFT_OUT.has(entry.name) ? [] : sourcesIn(join(path, entry.name));
      return SOURCE.test(entry.name) && !entry.name.endsWith('.d.ts') ? [join(path, entry.name)] : [];
    }),
  );
  return below.flat().sort();
};

const moveSchedules = async (command: Command): Promise<void> => {
  const [config, { moveOf }] = await Promise.all([loadApp(command), import('../migrate/move.ts')]);
  let count = 0;
  for await (const line of moveOf(config)) {
    count += 1;
    say(line.text);
    if (!line.moved) process.exitCode = 1;
  }
  if (count === 0) say('no pool serves a queue that has repeatable jobs of the old kind');
};
