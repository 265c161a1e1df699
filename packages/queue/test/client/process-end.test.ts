/** A process that awaits nothing any more ends by itself, and one that awaits something does not. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { defineFunction } from '../../src/fn.ts';
import { type App, keys, startApp } from './app.ts';
import { type Program, runProgram } from './program.ts';

// Served here, for the programs.
defineFunction('programBytes', { pool: 'images' }, (size: number) => Buffer.alloc(size, 1));

let app: App;
const programs: Program[] = [];
beforeEach(async () => {
  app = await startApp();
});
afterEach(async () => {
  for (const program of programs.splice(0)) program.kill();
  await app.stop();
});

const run = (what: string): Program => {
  const program = runProgram('once', app.redis.url, [what]);
  programs.push(program);
  return program;
};

const end = (program: Program, what: string): Promise<unknown> =>
  waitFor(() => program.code() === 0, {
    what: `the program that makes a ${what} to end by itself`,
    found: () => ({ code: program.code(), lines: program.lines, errors: program.errors() }),
  });

test('C-55: a program that calls once and closes nothing ends when it has its value', async () => {
  app.serve();
  const program = run('call');
  await end(program, 'call');
  expect(program.lines).toEqual(['got 5', 'done']);
});

test('C-55: programs that cast or look end when they have done so; what they cast stays', async () => {
  const programs = ['cast', 'linked', 'signal', 'status'].map((what) => [what, run(what)] as const);
  for (const [what, program] of programs) await end(program, what);
  expect(await app.client.llen(`${keys.queue}wait`)).toBe(4);
});

test('C-55: a program that follows a call stays until that is over, and ends then', async () => {
  const follower = run('progress');
  await waitFor(async () => (await app.client.llen(`${keys.queue}wait`)) === 1, {
    what: 'its call',
    found: follower.errors,
  });
  app.serve();
  await end(follower, 'progress');
  expect(follower.lines).toEqual(['over succeeded', 'done']);
});

test('C-55: a program that awaits a call stays, also while Redis is away', async () => {
  const program = run('call');
  const waiting = async (): Promise<boolean> => (await app.client.llen(`${keys.queue}wait`)) === 1;
  await waitFor(waiting, { what: 'its call to wait', found: program.errors });
  app.redis.freeze();
  // As long as a connection is dead without saying so, nothing but what is awaited can hold the process.
  await expect(
    waitFor(() => program.code() !== null, { what: 'an end that must not come', timeoutMs: 1_500 }),
  ).rejects.toThrow('an end that must not come');
  app.redis.thaw();
  app.serve();
  await end(program, 'call');
  expect(program.lines).toEqual(['got 5', 'done']);
});

test('C-55: a program that has nothing more to do ends although Redis is gone', async () => {
  const program = run('outage');
  await waitFor(() => program.lines.includes('done'), { what: 'its cast', found: program.errors });
  await app.redis.kill9();
  program.child.stdin?.write('gone\n');
  await end(program, 'cast');
});
