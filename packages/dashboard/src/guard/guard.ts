/** Every request passes here before anything else sees it. The order matters: whose name, who, from where, what. */
import type { IncomingMessage } from 'node:http';
import type { MiddlewareHandler } from 'hono';
import type { ParsedOptions, Role } from '../options.ts';
import { type Asker, identify } from './credential.ts';
import { BOARD_HEADERS, PAGE_HEADERS } from './headers.ts';
import { isOurHost } from './host.ts';
import { isMutation, OVERRIDE_HEADERS, refuseMutation } from './mutation.ts';
import { askedHost, FORWARDING_HEADERS } from './proxies.ts';

export interface GuardVariables {
  role: Role;
}

/** Open to whoever can reach them, for orchestrators; they say only whether we are well. */
const OPEN_PATHS = ['/healthz', '/readyz'];
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']);

/** @param boardPath where Bull Board stands, base path included */
export const guard =
  (options: ParsedOptions, boardPath: string): MiddlewareHandler<{ Variables: GuardVariables }> =>
  async (c, next) => {
    const { method, path } = c.req;
    const header = (name: string): string | undefined => c.req.header(name);
    const isBoard = path === boardPath || path.startsWith(`${boardPath}/`);
    for (const [name, value] of Object.entries(isBoard ? BOARD_HEADERS : PAGE_HEADERS)) c.header(name, value);
    c.header('Cache-Control', 'no-store');
    const refuse = (status: 401 | 403 | 405 | 421, message: string): Response => {
      if (status !== 401) options.logger.warn({ method, path: path.slice(0, 200), status }, message);
      return c.json({ error: { message } }, status);
    };

    const host = askedHost(header, options.isProxy(peerOf(c.env)));
    const named = options.mounted && options.allowedHosts.length === 0;
    if (!named && !isOurHost(host, options)) {
      return refuse(421, 'the Host header names no host of this dashboard: add it to `allowedHosts` if it should');
    }
    if (OPEN_PATHS.some((open) => path === options.basePath + open)) return next();
    const asker = await askerOf(c.req.raw, header, options);
    if (asker === undefined) {
      c.header('WWW-Authenticate', 'Basic realm="Flame", charset="UTF-8"');
      return refuse(
        401,
        options.credentials.length > 0 || options.auth !== undefined
          ? 'a credential is needed: a bearer token, or basic authentication'
          : 'this request came through a proxy, so it is not of this machine: give the dashboard a credential',
      );
    }
    if (!METHODS.has(method)) return refuse(405, `there is no ${method} here`);
    if (OVERRIDE_HEADERS.some((name) => header(name) !== undefined) || c.req.query('_method') !== undefined) {
      return refuse(403, 'the method of a request cannot be overridden');
    }
    if (isMutation(method)) {
      const why = refuseMutation({
        method,
        host,
        origin: header('origin'),
        secFetchSite: header('sec-fetch-site'),
        contentType: header('content-type'),
        hasBody: Number(header('content-length') ?? 0) > 0 || header('transfer-encoding') !== undefined,
      });
      if (why !== undefined) return refuse(403, `refused: ${why}`);
      if (asker.role !== 'operator') return refuse(403, 'refused: your credential is a viewer’s, which only looks');
    }
    c.set('role', asker.role);
    return next();
  };

/** The application's own judgement first, where there is one. Nobody is taken for this machine whose request says that it was forwarded. */
const askerOf = async (
  request: Request,
  header: (name: string) => string | undefined,
  { auth, credentials }: ParsedOptions,
): Promise<Asker> => {
  if (auth !== undefined) {
    const role = await auth(request);
    if (role === 'viewer' || role === 'operator') return { role };
    if (credentials.length === 0) return undefined;
  }
  if (credentials.length === 0 && FORWARDING_HEADERS.some((name) => header(name) !== undefined)) return undefined;
  return identify(header('authorization'), credentials);
};

/** The address of the other end, where the server tells it. */
const peerOf = (env: unknown): string | undefined =>
  (env as { readonly incoming?: IncomingMessage } | undefined)?.incoming?.socket?.remoteAddress;
