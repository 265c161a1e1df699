/** Errors as answers: what the asker got wrong is a 400, what Redis could not do is a 503, and no stack leaves. */
import { FlameConfigError, FlameError } from '@flamejs/queue';
import type { Context } from 'hono';
import type { Logger } from 'pino';

export const answerError =
  (logger: Logger) =>
  (error: Error, c: Context): Response => {
    if (error instanceof FlameConfigError) return c.json({ error: { message: error.message, code: error.code } }, 400);
    logger.warn({ err: error, path: c.req.path.slice(0, 200) }, 'a request failed');
    if (error instanceof FlameError) {
      return c.json({ error: { message: error.message, code: error.code, advice: error.advice } }, 503);
    }
    if (isConnectionError(error)) {
      return c.json({ error: { message: 'Redis does not answer; this page tries again by itself' } }, 503);
    }
    return c.json({ error: { message: 'the dashboard has a fault; its log says more' } }, 500);
  };

/** ioredis has no class for a command that could not be sent. */
const isConnectionError = (error: Error): boolean =>
  /enableOfflineQueue|Connection is closed|ECONN|ETIMEDOUT|EPIPE|did not answer|LOADING|READONLY|CLUSTERDOWN/.test(
    error.message,
  );
