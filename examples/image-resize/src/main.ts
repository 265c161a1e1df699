/** The program: brings a Redis if none is given, runs, and leaves nothing behind, also after Ctrl-C. */
import { startPrivateRedis } from './private-redis.ts';

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => interruption.abort(new Error(`stopped by ${signal}`)));
}

const redis = process.env.REDIS_URL === undefined ? await startPrivateRedis() : undefined;
if (redis !== undefined) process.env.REDIS_URL = redis.url; // before the config is read, by us and by the runners
try {
  const { run } = await import('./run.ts');
  await run(interruption.signal);
} catch (error) {
  console.error(interruption.signal.aborted ? `\n${interruption.signal.reason.message}` : error);
  process.exitCode = interruption.signal.aborted ? 130 : 1;
} finally {
  await redis?.stop();
}
