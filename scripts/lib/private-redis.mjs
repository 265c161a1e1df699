// A Redis server for one run of an example: on a free loopback port, with a folder that goes away too. Your own goes into REDIS_URL.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StepError } from './run.mjs';

const startTimeoutMs = 15_000;

export const startPrivateRedis = async () => {
  const port = await freePort();
  const program = process.env.FLAME_REDIS_SERVER ?? 'redis-server';
  const folder = await mkdtemp(join(tmpdir(), 'flame-example-'));
  // The append-only file is what makes accepted calls survive a restart; a real deployment has it on too.
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
  // A process group of its own: Ctrl-C must reach it last, after everybody has put their work down.
  const server = spawn(program, settings, { stdio: 'ignore', detached: true });
  const ended = new Promise((resolve) => {
    server.once('error', (error) => resolve(error.message));
    server.once('exit', (code, signal) => resolve(`it ended with ${signal ?? code}`));
  });
  const killWithUs = () => server.kill('SIGKILL');
  process.once('exit', killWithUs);

  const failure = await Promise.race([untilListening(port), ended]);
  if (failure !== undefined) {
    server.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
    throw new StepError(`${program} did not start: ${failure}. Install it (scripts/setup.sh) or set REDIS_URL.`);
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      server.kill('SIGKILL'); // nothing in it is wanted any more
      await ended;
      await rm(folder, { recursive: true, force: true });
      process.off('exit', killWithUs);
    },
  };
};

/** @returns undefined once the port accepts connections, else why it does not. */
const untilListening = async (port) => {
  const endsAt = performance.now() + startTimeoutMs;
  while (performance.now() < endsAt) {
    const socket = connect(port, '127.0.0.1');
    const open = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (open) return undefined;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return `no connection within ${startTimeoutMs} ms`;
};

const freePort = async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
};
