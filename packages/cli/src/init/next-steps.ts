/** What `flame init` says at its end: the commands, and the lines that the application itself needs. Pure. */
import type { App, Manager } from './describe-app.ts';
import type { Starter } from './starter-files.ts';

const ADD: Readonly<Record<Manager, readonly [add: string, addDev: string, run: string]>> = {
  npm: ['npm install', 'npm install --save-dev', 'npx'],
  pnpm: ['pnpm add', 'pnpm add -D', 'pnpm exec'],
  yarn: ['yarn add', 'yarn add -D', 'yarn'],
  bun: ['bun add', 'bun add -d', 'bunx'],
};

export const nextSteps = (app: App, written: Starter): string => {
  const [add, addDev, run] = ADD[app.manager];
  const commands = [
    ...(app.has('flamejs') ? [] : [`${add} flamejs`]),
    ...(needsTsx(app) ? [`${addDev} tsx`] : []),
    `${run} flamejs dev`,
  ];
  return ['Next:', ...commands.map((line) => `  ${line}`), '', ...usage(app, written), ...tests(app)].join('\n');
};

/** Node reads TypeScript that imports `./name.ts`, since 22.18; anything else needs a loader. Nest compiles before it runs. */
const needsTsx = (app: App): boolean =>
  app.language === 'ts' && app.kind !== 'nest' && !app.has('tsx') && !(app.compiler.importsTs && readsTypescript());

const readsTypescript = (): boolean => Boolean((process.features as { readonly typescript?: unknown }).typescript);

const usage = (app: App, { flamePath, taskPath }: Starter): readonly string[] => {
  const load = (names: string, path: string): string =>
    app.language === 'js' && app.modules === 'commonjs'
      ? `const { ${names} } = require('${path}');`
      : `import { ${names} } from '${path}';`;
  const lines = (...code: readonly string[]): readonly string[] => code.map((line) => `  ${line}`);
  const both = [load('flame', flamePath), load('hello', taskPath)];
  switch (app.kind) {
    case 'express':
      return [
        'In your server:',
        ...lines(
          load('closeWithServer, flameExpress', 'flamejs/express'),
          ...both,
          'app.use(flameExpress(flame));   // req.flame; closeWithServer(app.listen(…), flame) closes it',
          "app.get('/hello', async (req, res) => res.send(await req.flame.call(hello, 'world')));",
        ),
      ];
    case 'fastify':
      return [
        'In your server:',
        ...lines(
          load('flameFastify', 'flamejs/fastify'),
          ...both,
          'app.register(flameFastify, { flame });   // request.flame, closed with the app',
          "app.get('/hello', (request) => request.flame.call(hello, 'world'));",
        ),
      ];
    case 'hono':
      return [
        'In your app:',
        ...lines(...both, "app.get('/hello', async (c) => c.text(await flame.call(hello, 'world')));"),
      ];
    case 'next':
      return [
        'In next.config:',
        ...lines("import { withFlame } from 'flamejs/next';", 'export default withFlame(nextConfig);'),
        'In a route:',
        ...lines(...both, "export const GET = async () => Response.json(await flame.call(hello, 'world'));"),
      ];
    case 'nest':
      return [
        'In app.module.ts:',
        ...lines(
          "import { FLAME, FlameModule } from 'flamejs/nest';",
          load('flame', flamePath),
          '@Module({ imports: [FlameModule.forRoot(flame)] })   // constructor(@Inject(FLAME) private flame: Flame) {}',
        ),
        'Runners load compiled code: build before you call.',
      ];
    default:
      return ['Anywhere in the application:', ...lines(...both, "console.log(await flame.call(hello, 'world'));")];
  }
};

const tests = ({ testRunner }: App): readonly string[] => {
  if (testRunner === 'vitest')
    return [
      '',
      'In vitest.config, so that calls run inside of your tests:',
      "  test: { setupFiles: ['flamejs/testing/inline'] }",
    ];
  if (testRunner === 'jest')
    return ['', 'In jest.config, so that calls run inside of your tests:', "  preset: 'flamejs/jest'"];
  return [];
};
