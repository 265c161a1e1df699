// Runs one of examples/ with all that it needs, and a Redis of its own unless REDIS_URL names one.
import { join } from 'node:path';
import { prepare } from './prepare.mjs';
import { startPrivateRedis } from './private-redis.mjs';
import { execute, root } from './run.mjs';

/** What some of them need beside Node and Redis. */
const NEEDS = { 'html-to-pdf': { browser: true }, 'transcode-video': { video: true } };

/** @returns the exit code of the example */
export const runExample = async (name, args, { nodeArgs = [] } = {}) => {
  const given = process.env.REDIS_URL;
  await prepare({ ...NEEDS[name], redis: given === undefined });
  const redis = given === undefined ? await startPrivateRedis() : undefined;
  try {
    const { code } = await execute(process.execPath, ['--import', 'tsx', ...nodeArgs, 'src/main.ts', ...args], {
      cwd: join(root, 'examples', name),
      // Where the person stands, for the paths that are printed.
      env: { REDIS_URL: redis?.url ?? given, INIT_CWD: process.env.INIT_CWD ?? process.cwd() },
    });
    return code;
  } finally {
    await redis?.stop();
  }
};
