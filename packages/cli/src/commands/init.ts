/** `flame init`: the files that an application begins with. Writes all of them or none, and replaces nothing. */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { FlameConfigError } from '@flamejs/queue/errors';
import { Command, Option } from 'commander';
import { describeApp, KINDS, type Kind, type Language, type ModuleKind } from '../init/describe-app.ts';
import { nextSteps } from '../init/next-steps.ts';
import { starter } from '../init/starter-files.ts';
import { say } from '../output/print.ts';
import { optionsOf } from '../with-operations.ts';

interface Options {
  readonly app?: string;
  readonly kind?: Kind;
  readonly language?: Language;
  readonly modules?: ModuleKind;
}

export const initCommand = (): Command =>
  new Command('init')
    .argument('[folder]', 'the application', '.')
    .option('--app <name>', 'its name in Redis (default: that of package.json)')
    .addOption(new Option('--kind <kind>', 'what it is built with (default: what its packages say)').choices(KINDS))
    .addOption(
      new Option('--language <language>', 'default: ts where there is a tsconfig.json, else js').choices(['ts', 'js']),
    )
    .addOption(
      new Option('--modules <kind>', 'of JavaScript (default: commonjs where the main file requires others)').choices([
        'esm',
        'commonjs',
      ]),
    )
    .action(async (folder: string, _options: object, command: Command) => {
      const { app: name, ...chosen } = optionsOf<Options>(command);
      const root = resolve(folder);
      const present = CONFIGS.find((file) => existsSync(join(root, file)));
      if (present !== undefined) return say(`${present} is there already: nothing was written`);
      const app = describeApp(root, chosen);
      const written = starter(appName(name ?? app.name), app);
      refuseToReplace(root, Object.keys(written.files));
      for (const [file, text] of Object.entries(written.files)) {
        await mkdir(dirname(join(root, file)), { recursive: true });
        // Made by somebody else meanwhile, it is theirs.
        await writeFile(join(root, file), text, { flag: 'wx' });
        say(`wrote ${file}`);
      }
      say(`\n${nextSteps(app, written)}`);
    });

const CONFIGS = ['', 'src/'].flatMap((folder) =>
  ['ts', 'mts', 'js', 'mjs'].map((extension) => `${folder}flame.config.${extension}`),
);

const refuseToReplace = (root: string, files: readonly string[]): void => {
  const there = files.filter((name) => existsSync(join(root, name)));
  if (there.length === 0) return;
  const message = `${there.join(', ')} ${there.length === 1 ? 'is' : 'are'} there already in ${root}: nothing was written`;
  throw new FlameConfigError(message, { problems: [{ path: 'folder', message }] });
};

/** What may be an app's name, as near as it comes to this one. */
const appName = (name: string): string =>
  name
    .toLowerCase()
    .replace(/^@[^/]*\//, '')
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 63) || 'app';
