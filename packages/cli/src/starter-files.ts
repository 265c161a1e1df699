/** What `flame init` writes. Pure. */

export type Language = 'ts' | 'js';

/** @returns texts by path, relative to the application */
export const starterFiles = (app: string, language: Language): Readonly<Record<string, string>> => {
  // `.mjs` is a module whatever package.json says.
  const extension = language === 'ts' ? 'ts' : 'mjs';
  return {
    [`flame.config.${extension}`]: `import { local } from 'flamejs/local';
import { defineConfig } from 'flamejs';

export default defineConfig({
  app: '${app}',
  redis: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379',
  functions: ['./src/tasks/*.${extension}'], // modules that runners load
  pools: {
    main: {
      min: 0, // no runner, and no cost, while there is nothing to do
      max: 4,
      maxConcurrency: 2, // calls at once on each runner
      timeout: '1m',
      idleShutdownAfter: '30s',
      backend: local(), // processes of this machine; also ec2(…), docker(…), fly(…)
    },
  },
});
`,
    [`src/flame.${extension}`]: `import { createFlame } from 'flamejs';
import config from '../flame.config.${extension}';

export const flame = createFlame(config);
`,
    [`src/tasks/hello.${extension}`]: `import { hostname } from 'node:os';
import { flame } from '../flame.${extension}';

export const hello = flame.fn('hello', { pool: 'main' }, (name${language === 'ts' ? ': string' : ''}) => \`Hello \${name}, from \${hostname()}\`);
`,
  };
};
