/** Election and fence. The epoch rises with every election, so a deposed leader is refused from that moment on. */
import { NOW, script } from './script.ts';

/** KEYS lease, epoch; ARGV holder, ttl ms. @returns {epoch, now} or nil while somebody else leads. */
export const ACQUIRE = script(`${NOW}
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return nil end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return { redis.call('INCR', KEYS[2]), tostring(now) }
`);

/** KEYS lease, epoch; ARGV holder, epoch, ttl ms. @returns 1 when still leading. */
export const RENEW = script(`
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return 1
`);

/** KEYS lease, epoch; ARGV holder, epoch. */
export const RELEASE = script(`
if redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('GET', KEYS[2]) == ARGV[2] then redis.call('DEL', KEYS[1]) end
return 1
`);
