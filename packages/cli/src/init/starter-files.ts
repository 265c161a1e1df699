/** What `flame init` writes. Pure. */
import type { App } from './describe-app.ts';

export interface Starter {
  /** Texts by path, relative to the application. */
  readonly files: Readonly<Record<string, string>>;
  /** Paths for `import`, as the application writes them. */
  readonly flamePath: string;
  readonly taskPath: string;
}

/** @param app how it is named in Redis */
export const starter = (name: string, app: App): Starter => {
  const { extension, imported } = namesOf(app);
  const typed = app.language === 'ts';
  const folder = folderOf(app);
  // The type checker may be told that all sources stand in one folder.
  const configFolder = typed && app.compiler.rootDir === folder ? `${folder}/` : '';
  const up = configFolder === '' ? '../'.repeat(folder.split('/').length) : './';
  const configPath = `${up}flame.config${imported}`;
  const write = !typed && app.modules === 'commonjs' ? commonjs : esm;
  const tasks =
    app.kind === 'nest' ? './dist/tasks/*.js' : `./${configFolder === '' ? `${folder}/` : ''}tasks/*.${extension}`;
  return {
    files: {
      [`${configFolder}flame.config.${extension}`]: write.config(name, tasks),
      [`${folder}/flame.${extension}`]: write.flame(configPath, typed),
      [`${folder}/tasks/hello.${extension}`]: write.task(`../flame${imported}`, typed),
    },
    flamePath: `./${folder}/flame${imported}`,
    taskPath: `./${folder}/tasks/hello${imported}`,
  };
};

/** @returns the extension of what is written, and how it is named in an import. */
const namesOf = (app: App): { readonly extension: string; readonly imported: string } => {
  const isModule = app.type === 'module';
  if (app.language === 'js') {
    // `.mjs` is a module whatever package.json says.
    const extension = app.modules === 'commonjs' || isModule ? 'js' : 'mjs';
    return { extension, imported: `.${extension}` };
  }
  const { isNode, requiresEsm, verbatim, importsTs } = app.compiler;
  // There, a `.ts` of a package without a type is CommonJS, which may not import flamejs, or may have no `import` at all.
  const extension = isNode && !isModule && (verbatim || !requiresEsm) ? 'mts' : 'ts';
  if (importsTs) return { extension, imported: `.${extension}` };
  // Their bundlers look for no TypeScript behind a name that ends in .js.
  if (!isNode && BUNDLED.includes(app.kind)) return { extension, imported: '' };
  return { extension, imported: extension === 'mts' ? '.mjs' : '.js' };
};

const BUNDLED: readonly string[] = ['next', 'vite'];

/** Where the application's own modules stand; what Vite finds in `src` goes to browsers. */
const folderOf = ({ kind, compiler, language, hasSrc }: App): string => {
  if (kind === 'vite') return 'server';
  if (language === 'ts' && compiler.rootDir !== undefined) return compiler.rootDir;
  return kind === 'next' && !hasSrc ? 'lib' : 'src';
};

const pools = `{
    main: {
      min: 0, // no runner, and no cost, while there is nothing to do
      max: 4,
      maxConcurrency: 2, // calls at once on each runner
      timeout: '1m',
      idleShutdownAfter: '30s',
      backend: local(), // processes of this machine; also ec2(…), docker(…), fly(…)
    },
  }`;

const settings = (app: string, tasks: string): string => `{
  app: '${app}',
  // Redis: REDIS_URL, else the one that \`npx flamejs dev\` has started, else the one of this machine
  functions: ['${tasks}'], // modules that runners load
  pools: ${pools},
}`;

// biome-ignore lint/suspicious/noTemplateCurlyInString: it is one where it is written to
const HELLO = "`Hello ${name}, from ${flame.isRunner ? 'a runner' : 'the application itself'}`";

const esm = {
  config: (app: string, tasks: string): string => `import { defineConfig } from 'flamejs';
import { local } from 'flamejs/local';

export default defineConfig(${settings(app, tasks)});
`,
  flame: (
    config: string,
    typed: boolean,
  ): string => `import { createFlame${typed ? ', type Flame' : ''} } from 'flamejs';
import config from '${config}';

export const flame${typed ? ': Flame' : ''} = createFlame(config);
${typed ? REGISTER : ''}`,
  task: (flame: string, typed: boolean): string => `import { flame } from '${flame}';

export const hello = flame.fn(
  'hello',
  { pool: 'main' },
  (name${typed ? ': string' : ''}) => ${HELLO},
);
`,
};

const REGISTER = `
// Names of pools are checked by the compiler.
declare module 'flamejs' {
  interface Register {
    config: typeof config;
  }
}
`;

const commonjs: typeof esm = {
  config: (app, tasks) => `const { defineConfig } = require('flamejs');
const { local } = require('flamejs/local');

module.exports = defineConfig(${settings(app, tasks)});
`,
  flame: (config) => `const { createFlame } = require('flamejs');
const config = require('${config}');

exports.flame = createFlame(config);
`,
  task: (flame) => `const { flame } = require('${flame}');

exports.hello = flame.fn(
  'hello',
  { pool: 'main' },
  (name) => ${HELLO},
);
`,
};
