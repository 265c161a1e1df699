/** C-57: the init that docker/Dockerfile gives to an image. That it reaps is seen in a real container; what it does with signals and codes, here. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startProcess } from './support/processes.ts';

const dockerfile = readFileSync(new URL('../docker/Dockerfile', import.meta.url), 'utf8');
const [shell = '', ...args] = JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)?.[1] ?? '[]') as string[];
const start = (script: string) => startProcess(shell, [...args, process.execPath, '-e', script]);

test('C-57: the container ends with the code of its command', async () => {
  await using process_ = await start('process.exit(7)');
  expect((await process_.exited).code).toBe(7);
  await using fine = await start("console.log('done')");
  expect((await fine.exited).code).toBe(0);
  expect(fine.output()).toContain('done');
});

test('C-57: a signal reaches the command, which ends in its own time, and twice is not too often', async () => {
  await using process_ = await start(
    "let n = 0; process.on('SIGTERM', () => { n += 1; console.log('term', n); if (n === 2) setTimeout(() => process.exit(3), 50); });" +
      "setInterval(() => {}, 1000); console.log('up');",
  );
  await process_.waitForOutput(/up/);
  process_.child.kill('SIGTERM');
  await process_.waitForOutput(/term 1/);
  process_.child.kill('SIGTERM');
  expect((await process_.exited).code).toBe(3);
});

test('C-57: a command that is killed ends the container with the code that says so', async () => {
  await using process_ = await start("process.kill(process.pid, 'SIGKILL')");
  expect((await process_.exited).code).toBe(137);
});

/** A process tree of its own, as a container has one. */
const NAMESPACE = ['--pid', '--fork', '--kill-child'];
const noNamespace =
  spawnSync('unshare', [...NAMESPACE, 'true']).status === 0 ? undefined : 'this machine gives no PID namespaces';
const RUNNER = fileURLToPath(import.meta.resolve('@flamejs/runner/main'));
/** It ends at once, for there is no config; what it is has been said by then. */
const runner = (...command: string[]) =>
  startProcess('unshare', [...NAMESPACE, ...command, process.execPath, RUNNER], {
    env: { FLAME_CONFIG: '/nowhere/flame.config.mjs', FLAME_POOL: 'main' },
  });

test.skipIf(noNamespace !== undefined)(
  'C-57: a runner that is process 1 says what it will not do, and how to start it',
  async () => {
    await using process_ = await runner();
    expect((await process_.exited).code).toBe(1);
    expect(process_.output()).toMatch(/this runner is process 1: .*zombies.*docker run --init.*ENTRYPOINT/);
    expect(process_.output()).toContain('the runner could not start');
  },
);

test.skipIf(noNamespace !== undefined)(
  'C-57: behind the init that the image brings it is not, and says nothing',
  async () => {
    await using process_ = await runner(shell, ...args);
    expect((await process_.exited).code).toBe(1);
    expect(process_.output()).not.toContain('process 1');
    expect(process_.output()).toContain('the runner could not start');
  },
);
