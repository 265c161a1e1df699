/** Flame in a Next.js application: `export default withFlame(nextConfig)` in next.config. */

type NextConfig = Readonly<Record<string, unknown>>;
type NextConfigFunction = (phase: string, context: unknown) => unknown;

/** They find files of their own at run time, start processes, or load native code: a server requires them as they are. */
const EXTERNAL = [
  'flamejs',
  '@flamejs/autoscaler',
  '@flamejs/cli',
  '@flamejs/compiler',
  '@flamejs/dashboard',
  '@flamejs/protocol',
  '@flamejs/queue',
  '@flamejs/runner',
  'bullmq',
  'ioredis',
  'pino',
];

/**
 * Keeps Flame's packages out of the bundles of the server, where they would be copied once for each route; runners load your
 * task modules from the sources, so that no build has to know them.
 *
 * @param config an object, or a function as Next.js takes it, asynchronous too; everything in it stays.
 * @returns a config of the same kind.
 */
export function withFlame<C extends NextConfigFunction>(config: C): NextConfigFunction;
export function withFlame<C extends object>(config?: C): C;
export function withFlame(config: object | NextConfigFunction = {}): object | NextConfigFunction {
  if (typeof config !== 'function') return merged(config as NextConfig);
  return async (phase: string, context: unknown) => merged((await config(phase, context)) as NextConfig);
}

const merged = (config: NextConfig): NextConfig => {
  const own = config.serverExternalPackages;
  const names = new Set([...(Array.isArray(own) ? (own as string[]) : []), ...EXTERNAL]);
  return { ...config, serverExternalPackages: [...names] };
};
