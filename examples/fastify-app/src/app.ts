import Fastify, { type FastifyInstance } from 'fastify';
import { FlameError } from 'flamejs';
import { flame } from './flame.ts';
import { crunch } from './tasks.ts';

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
  app.setErrorHandler((error, _request, reply) =>
    error instanceof FlameError ? reply.code(503).send(error.toJSON()) : reply.send(error),
  );
  app.addHook('onClose', () => flame.close());
  return app;
};
