import { randomUUID } from 'node:crypto';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { FlameError, serveEvents } from 'flamejs';
import { flame } from './flame.ts';
import { answer, crunch } from './tasks.ts';

/** @returns the server. Closing it closes the connection to Redis, too. */
export const createApp = (): FastifyInstance => {
  const app = Fastify();
  app.get('/ping', async () => 'pong');
  app.get<{ Querystring: { ms?: string } }>('/crunch', async ({ query }) => {
    const rounds = await flame.call(crunch, Math.min(Number(query.ms ?? 1_000), 10_000));
    return { rounds };
  });
  // Accepted at once, looked at later: the id is all that a client needs.
  app.post('/crunch', async (_request, reply) => {
    const { id } = await flame.cast(crunch, 1_000);
    return reply.code(202).send({ id });
  });
  app.get<{ Params: { id: string } }>('/crunch/:id', async ({ params }) => flame.attach(params.id).status());
  // Words as they come. A page that is loaded again asks for the same id; a browser that lost its connection goes on behind the last word.
  const readers = new Map<string, string>();
  app.post<{ Body: { question: string } }>('/answers', async ({ body }, reply) => {
    const { id } = await flame.cast(answer, body.question);
    const reader = randomUUID();
    readers.set(id, reader);
    return reply.code(202).header('set-cookie', `reader=${reader}; HttpOnly; SameSite=Strict`).send({ id });
  });
  app.get<{ Params: { id: string } }>('/answers/:id/events', async (request, reply) => {
    const authorize = ({ headers }: Request, id: string): boolean =>
      readers.has(id) && headers.get('cookie') === `reader=${readers.get(id)}`;
    return reply.send(await serveEvents(flame, toRequest(request), { id: request.params.id, authorize }));
  });
  app.setErrorHandler((error, _request, reply) =>
    error instanceof FlameError ? reply.code(503).send(error.toJSON()) : reply.send(error),
  );
  app.addHook('onClose', () => flame.close());
  return app;
};

/** As the web knows it, with a signal for the end of the connection. */
const toRequest = ({ raw, url, host }: FastifyRequest): Request => {
  const closed = new AbortController();
  raw.socket.once('close', () => closed.abort());
  const headers = Object.entries(raw.headers).map(([name, value]) => [name, String(value)] as [string, string]);
  return new Request(new URL(url, `http://${host}`), { headers, signal: closed.signal });
};
