/** Flame in an Express application: `app.use(flameExpress(flame))`. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Flame } from '@flamejs/queue';

export type FlameMiddleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

/**
 * Puts `flame` on each request. For TypeScript: `declare global { namespace Express { interface Request { flame: Flame } } }`.
 *
 * @returns a middleware, for Express and everything with its signature (Connect, Polka, Vite's server).
 * @example app.use(flameExpress(flame)); app.get('/', async (req, res) => res.send(await req.flame.call(hello, 'world')));
 */
export const flameExpress =
  (flame: Flame): FlameMiddleware =>
  (request, _response, next) => {
    Object.assign(request, { flame });
    next();
  };

/**
 * Closes Flame when a server has been closed: Express itself has no end to hang on.
 * @returns the server. @example closeWithServer(app.listen(3000), flame)
 */
export const closeWithServer = <S extends Pick<Server, 'once'>>(server: S, flame: Flame): S => {
  // Whoever still waits is told; there is nobody to tell of a connection that cannot be closed.
  server.once('close', () => void flame.close().catch(() => undefined));
  return server;
};
