/** Closures end to end: an app in TypeScript under the loader, a real Redis, a real runner process. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeBinaries } from '../../packages/compiler/test/node-versions.ts';
import { startProcess } from '../support/processes.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';

const APP = fileURLToPath(new URL('../fixtures/closure-app/', import.meta.url));
const RUNNER_MAIN = fileURLToPath(import.meta.resolve('@flamejs/runner/main'));
const REGISTER = import.meta.resolve('@flamejs/compiler/register');

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

test.each(nodeBinaries())(
  'on Node $version a closure captures two variables and runs on a runner with types intact; its error names the line of the source',
  async ({ binary }) => {
    const env = {
      FLAME_REDIS_URL: redis.url,
      FLAME_APP: 'closures',
      FLAME_CONFIG: `${APP}flame.config.mjs`,
      FLAME_RELEASE: 'r1',
    };
    await using runner = await startProcess(binary, [RUNNER_MAIN], { cwd: APP, env: { ...env, FLAME_POOL: 'main' } });
    await using app = await startProcess(binary, ['--import', REGISTER, `${APP}src/main.ts`], { cwd: APP, env });
    const { code } = await app.exited;
    expect([code, app.output(), runner.output()]).toEqual([
      0,
      expect.stringContaining('"elsewhere":true'),
      expect.anything(),
    ]);
    expect(app.output()).toContain('{"elsewhere":true,"width":40,"date":true,"tags":["a","b"]}');
    expect(app.output()).toContain('power 1024 halve 4.5');
    expect(app.output()).toContain('map 3 5 7');
    expect(app.output()).toContain('child: a child listens on 80');
    expect(app.output()).toContain('schedule cleaning true');
    expect(app.output()).toContain('RangeError: seven is out of range');
    // Both sides of the call, in the lines of the TypeScript source.
    const [remote = '', local = ''] = app.output().split('-- called from --');
    const source = (await readFile(`${APP}src/thumbs.ts`, 'utf8')).split('\n');
    const lineOf = (text: string): number => source.findIndex((line) => line.includes(text)) + 1;
    expect(remote).toContain(`src/thumbs.ts:${lineOf('throw new RangeError')}:`);
    expect(local).toContain(`src/thumbs.ts:${lineOf('(): never =>')}:`);
  },
);
