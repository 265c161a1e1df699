/** Bull Board's routes on hono: with its page made to work offline, and only the changes that our protocol knows. */
import { readFile } from 'node:fs/promises';
import type {
  AppControllerRoute,
  AppViewRoute,
  BullBoardQueues,
  ControllerHandlerReturnType,
  IServerAdapter,
  UIConfig,
} from '@bull-board/api/typings/app';
import { type Context, Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { rootFrom } from '../routes/relative.ts';
import { listStaticFiles } from '../static-files.ts';
import { isAllowed, MOST_JOBS_PER_PAGE, REFUSAL } from './allowed.ts';

type ErrorHandler = (error: Error) => ControllerHandlerReturnType;

/** What `createBullBoard` tells a server. */
interface Told {
  queues: BullBoardQueues;
  views: string;
  files: string;
  uiConfig: UIConfig;
  entry: AppViewRoute;
  api: readonly AppControllerRoute[];
  onError: ErrorHandler;
}

export interface BoardServer {
  readonly adapter: IServerAdapter;
  /** The routes, once `createBullBoard` has been called. */
  routes(): Promise<Hono>;
}

/** @param basePath where the routes are mounted @param changed is called after every change with the pool, if it was one */
export const createBoardServer = (basePath: string, changed: (pool: string | undefined) => void): BoardServer => {
  const told: Partial<Told> = {};
  const adapter: IServerAdapter = {
    setQueues: (queues) => note({ queues }),
    setViewsPath: (views) => note({ views }),
    setStaticPath: (_route, files) => note({ files }),
    setEntryRoute: (entry) => note({ entry }),
    setErrorHandler: (onError) => note({ onError }),
    setApiRoutes: (api) => note({ api }),
    setUIConfig: (uiConfig) => note({ uiConfig }),
  };
  function note(part: Partial<Told>): IServerAdapter {
    Object.assign(told, part);
    return adapter;
  }
  return { adapter, routes: () => mount(told as Told, basePath, changed) };
};

const mount = async (told: Told, basePath: string, changed: (pool: string | undefined) => void): Promise<Hono> => {
  const app = new Hono();
  const files = await listStaticFiles(told.files);
  const page = await renderEntry(told);

  app.get('/static/*', (c) => files.respond(c, below(c, `${basePath}/static/`)));
  for (const { method, route, handler } of told.api) {
    for (const path of [route].flat()) {
      app.on(
        [method].flat().map((m) => m.toUpperCase()),
        path,
        (c) => answer(c, told, handler, changed, basePath),
      );
    }
  }
  for (const path of [told.entry.route].flat()) app.get(path, (c) => c.html(page(baseFrom(c, basePath))));
  app.notFound((c) => c.json({ error: { message: 'there is nothing here' } }, 404));
  return app;
};

const answer = async (
  c: Context,
  told: Told,
  handler: AppControllerRoute['handler'],
  changed: (pool: string | undefined) => void,
  basePath: string,
): Promise<Response> => {
  const mutates = c.req.method !== 'GET' && c.req.method !== 'HEAD';
  const path = `/${below(c, `${basePath}/`)}`;
  if (mutates && !isAllowed(c.req.method, path)) return c.json({ error: { message: REFUSAL } }, 403);
  const query = c.req.query();
  if (Number(query.jobsPerPage ?? 0) > MOST_JOBS_PER_PAGE) {
    return c.json({ error: { message: `at most ${MOST_JOBS_PER_PAGE} jobs are listed at once` } }, 400);
  }
  const body: unknown = mutates ? await c.req.json().catch(() => ({})) : {};
  const request = {
    queues: told.queues,
    uiConfig: told.uiConfig,
    params: c.req.param(),
    query,
    body,
    headers: c.req.header(),
  };
  let reply: ControllerHandlerReturnType;
  try {
    reply = await handler(request as never);
    if (mutates) changed(c.req.param('queueName'));
  } catch (error) {
    reply = told.onError(error instanceof Error ? error : new Error(String(error)));
  }
  if (reply.status === 204) return c.body(null, 204);
  const status = (reply.status ?? 200) as ContentfulStatusCode;
  return typeof reply.body === 'string' ? c.text(reply.body, status) : c.json(reply.body as never, status);
};

/** From this page of the board to its root: both of its ends may stand behind a proxy's prefix. */
const baseFrom = (c: Context, basePath: string): string => {
  const root = basePath.slice(0, -'/queues'.length);
  return `${rootFrom(c.req.path.slice(root.length))}queues/`;
};

const below = (c: Context, prefix: string): string => c.req.path.slice(prefix.length);

/** Its template asks for fonts of another host, which works neither offline nor with our content policy. */
const renderEntry = async ({ views, entry, uiConfig }: Told): Promise<(base: string) => string> => {
  const { name, params } = entry.handler({ basePath: BASE, uiConfig });
  const values = params as Readonly<Record<string, string>>;
  const template = await readFile(`${views}/${name}`, 'utf8');
  const page = template
    .replace(/<link[^>]+href="https?:[^>]*>\s*/g, '')
    .replace('</head>', '<link href="../assets/board.css" rel="stylesheet"></head>')
    .replace(/<%([=-]) *(\w+) *%>/g, (_all, sign: string, key: string) => {
      const value = values[key] ?? '';
      return sign === '-' ? value : escapeHtml(value);
    })
    .replace(/<base [^>]*>/, (tag) => `${tag}<script src="../assets/board-base.js"></script>`);
  return (base) => page.replaceAll(`${BASE}/`, escapeHtml(base)).replaceAll(BASE, escapeHtml(base));
};

/** Stands for the board's base until a page is asked for. */
const BASE = '/base-of-the-board';

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
