/** The dashboard without a server of its own: what an application mounts beside its own routes. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AppConfig } from '@flamejs/queue';
import { getRequestListener } from '@hono/node-server';
import { watchForAutoscaler } from './alert-watch.ts';
import { listAssets } from './assets.ts';
import { createBoard } from './board/board.ts';
import { openOperations } from './operations/operations.ts';
import { type Authenticate, type DashboardOptions, parseOptions } from './options.ts';
import { createApp } from './routes/app.ts';

export interface DashboardHandlerOptions extends Omit<DashboardOptions, 'host' | 'port'> {
  /** Says who sends a request, by the application's own means. Either this or `credential` is needed. */
  readonly auth?: Authenticate;
}

export interface DashboardHandler {
  /** For servers that speak `Request` and `Response`. @param env of Hono on Node; tells who is at the other end, for `trustProxy` */
  fetch(request: Request, env?: unknown): Promise<Response>;
  /** For servers on `node:http`, Express and Fastify among them. */
  node(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Closes its connection to Redis. */
  close(): Promise<void>;
}

/**
 * Connects with the first request, and answers 503 while Redis is away. Whoever reaches the application reaches this, so being on the same machine
 * counts for nothing here. Set `basePath` where the server leaves its prefix in the paths that it hands on (Fastify, `node:http`), and
 * leave it out where the server takes the prefix away (`app.use('/flame', …)` of Express, `app.mount` of Hono).
 * @throws FlameConfigError for bad options, and without `auth` and `credential`
 */
export const createDashboardHandler = (config: AppConfig, given: DashboardHandlerOptions): DashboardHandler => {
  const options = parseOptions(given, { auth: given.auth });
  const operations = openOperations(config, 'dashboard', given.tuner);
  const build = async () => {
    await operations.link.ready();
    const [board, assets] = await Promise.all([createBoard(operations, options.basePath), listAssets()]);
    return createApp({ operations, options, board, assets });
  };
  let making: ReturnType<typeof build> | undefined;

  const fetch = async (request: Request, env?: unknown): Promise<Response> => {
    making ??= build();
    try {
      return await (await making).fetch(request, (env ?? {}) as never);
    } catch (error) {
      // Nobody has been let in yet, so nothing is told but this; the next request tries again.
      making = undefined;
      options.logger.warn({ err: error }, 'the dashboard is not there yet');
      return Response.json(
        { error: { message: 'the dashboard is not there yet: Redis does not answer' } },
        { status: 503 },
      );
    }
  };
  const unwatch = watchForAutoscaler(operations, options.logger);
  const listener = getRequestListener(fetch as never, { overrideGlobalObjects: false });

  return {
    fetch,
    async node(request, response) {
      const { body, originalUrl, url } = request as IncomingMessage & {
        readonly body?: unknown;
        readonly originalUrl?: string;
      };
      const [asked = ''] = originalUrl?.split('?') ?? [];
      if (url?.split('?')[0] === '/' && asked !== '' && !asked.endsWith('/')) {
        // Express hands `/flame` on as `/`; links are relative, and from there they would lead beside the dashboard.
        response.writeHead(302, { Location: `./${asked.split('/').at(-1)}/` }).end();
        return;
      }
      // A parser of the application may have read it already.
      if (request.readableEnded && body !== undefined && body !== null)
        Object.assign(request, { rawBody: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) });
      await listener(request as never, response as never);
    },
    async close() {
      unwatch();
      await operations.close();
    },
  };
};
