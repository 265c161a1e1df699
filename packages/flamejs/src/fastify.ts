/** Flame in a Fastify application: `app.register(flameFastify, { flame })`. */
import type { Flame } from '@flamejs/queue';

export interface FlameFastifyOptions {
  readonly flame: Flame;
}

/** What is used of Fastify's instance; nothing of Fastify is imported. */
interface Instance {
  decorate(name: string, value: unknown): unknown;
  decorateRequest(name: string, value: { getter(): unknown }): unknown;
  addHook(name: 'onClose', hook: () => Promise<void>): unknown;
}

/**
 * Puts `flame` on the instance and on each request, and closes it with the server, after its last request.
 *
 * For TypeScript: `declare module 'fastify' { interface FastifyRequest { flame: Flame } interface FastifyInstance { flame: Flame } }`.
 *
 * @example app.register(flameFastify, { flame }); app.get('/', (request) => request.flame.call(hello, 'world'));
 */
export const flameFastify = async (app: Instance, { flame }: FlameFastifyOptions): Promise<void> => {
  app.decorate('flame', flame);
  app.decorateRequest('flame', { getter: () => flame });
  app.addHook('onClose', () => flame.close());
};

// What Fastify asks of a plugin whose decorations are for the whole application, and how it is named in errors.
Object.assign(flameFastify, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'flamejs',
  [Symbol.for('plugin-meta')]: { name: 'flamejs', fastify: '>=4' },
});
