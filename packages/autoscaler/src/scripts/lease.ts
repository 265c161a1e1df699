/** Election and fence. The epoch rises with every election, so a deposed leader is refused from that moment on. */
import { NOW, script } from './script.ts';

/**
 * The lease's value is the holder and a counter of its renewals, so that others can tell by their own clock whether it
 * still renews: after a backward jump of Redis' clock a dead holder's lease would not run out for as long.
 *
 * KEYS lease, epoch; ARGV holder, ttl ms, value seen standing still or ''. @returns {epoch, now}, or the value that holds.
 */
export const ACQUIRE = script(`${NOW}
local value = redis.call('GET', KEYS[1])
if value and value ~= ARGV[3] and string.match(value, '^(%S+)') ~= ARGV[1] then return value end
redis.call('SET', KEYS[1], ARGV[1] .. ' 0', 'PX', ARGV[2])
return { redis.call('INCR', KEYS[2]), tostring(now) }
`);

/** KEYS lease, epoch; ARGV holder, epoch, ttl ms, number of the renewal. @returns 1 when still leading. */
export const RENEW = script(`
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
local value = redis.call('GET', KEYS[1])
if value and string.match(value, '^(%S+)') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[4], 'PX', ARGV[3])
return 1
`);

/** KEYS lease, epoch; ARGV holder, epoch. */
export const RELEASE = script(`
local value = redis.call('GET', KEYS[1])
if value and string.match(value, '^(%S+)') == ARGV[1] and redis.call('GET', KEYS[2]) == ARGV[2] then redis.call('DEL', KEYS[1]) end
return 1
`);
