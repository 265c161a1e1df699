/** All routes, behind the guard, below the base path. */
import { CONTENT_TYPE } from '@flamejs/protocol';
import { Hono } from 'hono';
import { type GuardVariables, guard } from '../guard/guard.ts';
import type { Operations } from '../operations/operations.ts';
import type { ParsedOptions } from '../options.ts';
import { renderShell } from '../pages/shell.ts';
import type { StaticFiles } from '../static-files.ts';
import { answerError } from './answer-error.ts';
import { createApi } from './api.ts';
import { metricsOf } from './metrics.ts';
import { rootFrom } from './relative.ts';

type App = Hono<{ Variables: GuardVariables }>;

export interface AppParts {
  readonly operations: Operations;
  readonly options: ParsedOptions;
  readonly board: Hono;
  readonly assets: StaticFiles;
}

/** A command that Redis has taken and does not answer must not keep a browser waiting. */
const ANSWER_MS = 10_000;
/** A replay computes: an hour of calls is served twice. */
const REPLAY_MS = 120_000;
const READY_MS = 2_000;
const PAGES = ['/pools', '/pools/:pool', '/pools/:pool/tune', '/calls', '/calls/:id'];

export const createApp = ({ operations, options, board, assets }: AppParts): App => {
  const { basePath } = options;
  const app: App = new Hono();
  app.use('*', guard(options, `${basePath}/queues`));
  app.onError(answerError(options.logger));
  app.notFound((c) => c.json({ error: { message: 'there is nothing here' } }, 404));

  app.get(`${basePath}/healthz`, (c) => c.json({ ok: true }));
  app.get(`${basePath}/readyz`, async (c) => {
    try {
      await within(READY_MS, operations.link.client.ping() as Promise<unknown>);
      return c.json({ ok: true });
    } catch {
      return c.json({ ok: false, reason: 'Redis does not answer' }, 503);
    }
  });
  app.use(`${basePath}/*`, async (c, next) =>
    within(c.req.path.endsWith('/settings/replay') ? REPLAY_MS : ANSWER_MS, next()),
  );
  app.get(`${basePath}/`, (c) => c.redirect('pools'));
  if (basePath !== '') app.get(basePath, (c) => c.redirect(`${basePath.split('/').at(-1)}/pools`));
  for (const page of PAGES) {
    app.get(basePath + page, (c) => {
      const operator = c.get('role') === 'operator';
      const root = rootFrom(c.req.path.slice(basePath.length));
      return c.html(renderShell({ app: operations.link.config.app, root, operator }));
    });
  }
  app.get(`${basePath}/assets/*`, (c) => assets.respond(c, c.req.path.slice(`${basePath}/assets/`.length)));
  app.get(`${basePath}/metrics`, async (c) => {
    c.header('Content-Type', CONTENT_TYPE);
    return c.body(await metricsOf(operations.link));
  });
  app.route(`${basePath}/api`, createApi(operations));
  // Bull Board's own router knows only one of the two.
  app.get(`${basePath}/queues/`, (c) => c.redirect('../queues'));
  app.route(`${basePath}/queues`, board);
  return app;
};

const within = async <T>(ms: number, work: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Redis did not answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
};
