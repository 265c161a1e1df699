/** `flame init`: the files that an application begins with. Writes all of them or none, and replaces nothing. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { FlameConfigError } from '@flamejs/queue/errors';
import { Command, Option } from 'commander';
import { say } from '../output/print.ts';
import { type Language, starterFiles } from '../starter-files.ts';
import { optionsOf } from '../with-operations.ts';

interface Options {
  readonly app?: string;
  readonly language?: Language;
}

export const initCommand = (): Command =>
  new Command('init')
    .description('write a config, the flame object and a first function into an application')
    .argument('[folder]', 'the application', '.')
    .option('--app <name>', 'its name in Redis (default: that of package.json)')
    .addOption(
      new Option('--language <language>', 'default: ts where there is a tsconfig.json, else js').choices(['ts', 'js']),
    )
    .action(async (folder: string, _options: object, command: Command) => {
      const { app, language } = optionsOf<Options>(command);
      const root = resolve(folder);
      const chosen = language ?? (existsSync(join(root, 'tsconfig.json')) ? 'ts' : 'js');
      const files = starterFiles(app ?? appName(await packageName(root)), chosen);
      const there = Object.keys(files).filter((name) => existsSync(join(root, name)));
      if (there.length > 0) {
        const message = `${there.join(', ')} ${there.length === 1 ? 'is' : 'are'} there already in ${root}: nothing was written`;
        throw new FlameConfigError(message, { problems: [{ path: 'folder', message }] });
      }
      for (const [name, text] of Object.entries(files)) {
        await mkdir(dirname(join(root, name)), { recursive: true });
        // Made by somebody else meanwhile, it is theirs.
        await writeFile(join(root, name), text, { flag: 'wx' });
        say(`wrote ${name}`);
      }
      say(`
Next:
  npm install flamejs${chosen === 'ts' ? '\n  npm install --save-dev tsx       (only where Node does not run TypeScript by itself: before 22.18)' : ''}
  npx flamejs dev                  Redis if none is there, the autoscaler, the dashboard

and anywhere in the application:
  import { flame } from './src/flame.${chosen === 'ts' ? 'ts' : 'mjs'}';
  import { hello } from './src/tasks/hello.${chosen === 'ts' ? 'ts' : 'mjs'}';
  console.log(await flame.call(hello, 'world'));`);
    });

const packageName = async (root: string): Promise<string> => {
  try {
    const { name } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { name?: unknown };
    if (typeof name === 'string') return name;
  } catch {
    // No package, or none that can be read: the folder has a name too.
  }
  return basename(root);
};

/** What may be an app's name, as near as it comes to this one. */
const appName = (name: string): string =>
  name
    .toLowerCase()
    .replace(/^@[^/]*\//, '')
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 63) || 'app';
