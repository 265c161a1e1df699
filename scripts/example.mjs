// npm run example <name>: runs one of examples/ with a Redis of its own. Works straight after a clone.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { prepare } from './lib/prepare.mjs';
import { execute, main, root, StepError } from './lib/run.mjs';

await main(async () => {
  const [name = '', ...args] = process.argv.slice(2);
  const folder = join(root, 'examples', name);
  if (name === '' || !existsSync(join(folder, 'src/main.ts')))
    throw new StepError(`npm run example <name>, with one of: ${readdirSync(join(root, 'examples')).join(', ')}`);
  const needs = { browser: name === 'html-to-pdf', video: name === 'transcode-video' };
  await prepare({ ...needs, redis: process.env.REDIS_URL === undefined });
  const redis = process.env.REDIS_URL === undefined ? await startRedis() : undefined;
  try {
    const env = { REDIS_URL: redis?.url ?? process.env.REDIS_URL };
    const { code } = await execute(process.execPath, ['--import', 'tsx', 'src/main.ts', ...args], { cwd: folder, env });
    return code;
  } finally {
    await redis?.stop();
  }
});

async function startRedis() {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'flame-example-'));
  const settings = [
    '--bind',
    '127.0.0.1',
    '--port',
    String(port),
    '--dir',
    folder,
    '--save',
    '',
    '--appendonly',
    'yes',
  ];
  // In a group of its own: Ctrl-C must reach it last, after everybody has put their work down.
  const server = spawn(process.env.FLAME_REDIS_SERVER ?? 'redis-server', settings, { stdio: 'ignore', detached: true });
  const ended = new Promise((resolve) => server.once('exit', resolve).once('error', resolve));
  for (let tries = 0; !(await answers(port)); tries += 1) {
    if (tries > 300 || server.exitCode !== null) throw new StepError('redis-server did not start; set REDIS_URL.');
    await sleep(50);
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      server.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const answers = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const say = (open) => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => say(true)).once('error', () => say(false));
  });

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
