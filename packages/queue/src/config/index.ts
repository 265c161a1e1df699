export { type Config, defineConfig } from './define-config.ts';
export {
  type DevRedisPlaces,
  type DevRedisRecord,
  devRedisPlaces,
  devRedisUrl,
  findDevRedis,
  readDevRedis,
  serverOf,
} from './dev-redis.ts';
export { optionsTable } from './docs-table.ts';
export type * from './input.ts';
export { type OwnSecrets, ownSecrets } from './own-secrets.ts';
export { type ParseConfigOptions, parseConfig } from './parse-config.ts';
export { poolShape } from './pool-shape.ts';
export { BULLMQ_PREFIX, type BullmqQueue } from './read-bullmq.ts';
export { redactConfig, redactUrl } from './redact.ts';
export { DEFAULT_REDIS_URL } from './redis.ts';
export { redisUrl } from './redis-url.ts';
export { deriveRelease } from './release.ts';
export type * from './types.ts';
