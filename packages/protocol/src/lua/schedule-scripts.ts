/**
 * Schedules: what is to be called stands in the hash, its next moment in a sorted set beside it. So a registration, a tick and a
 * removal each change what is theirs, and none of them writes back what another one has just changed.
 */
import type { BullScript } from '../bullmq-scripts.ts';

/** Whether the timing of a stored schedule is this one. What cannot be read has none. */
const SAME_TIMING = `
local function sameTiming(text, cron, tz, everyMs)
  local ok, was = pcall(cjson.decode, text)
  if not ok or type(was) ~= 'table' then return false end
  return (was.cron or '') == cron and (was.tz or '') == tz and (was.everyMs or 0) == tonumber(everyMs)
end
`;

export const SCHEDULE_SCRIPTS = {
  /**
   * KEYS schedules, their moments; ARGV id, schedule, cron, tz, everyMs, next moment. The moment of an unchanged timing stays: it may
   * be due and not yet cast.
   */
  flameSchedule: {
    name: 'flameSchedule',
    keys: 2,
    content: `${SAME_TIMING}
local old = redis.call('HGET', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if old and sameTiming(old, ARGV[3], ARGV[4], ARGV[5]) and redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 'kept' end
redis.call('ZADD', KEYS[2], ARGV[6], ARGV[1])
return 'set'
`,
  },
  /** KEYS schedules, their moments; ARGV id. @returns whether it was there */
  flameUnschedule: {
    name: 'flameUnschedule',
    keys: 2,
    content: `
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('HDEL', KEYS[1], ARGV[1])
`,
  },
  /** KEYS schedules, their moments. @returns now, the first moment that is yet to come, and id, moment, schedule of each that is due */
  flameDueSchedules: {
    name: 'flameDueSchedules',
    keys: 2,
    content: `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'WITHSCORES')
local found = { tostring(now), redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2] or '' }
for i = 1, #due, 2 do
  found[#found + 1] = due[i]
  found[#found + 1] = due[i + 1]
  found[#found + 1] = redis.call('HGET', KEYS[1], due[i]) or ''
end
return found
`,
  },
  /**
   * KEYS schedules, their moments; ARGV id, cron, tz, everyMs, the moment that was cast, the next one. One that was removed or given
   * another timing meanwhile is left as it is.
   */
  flameAdvance: {
    name: 'flameAdvance',
    keys: 2,
    content: `${SAME_TIMING}
local text = redis.call('HGET', KEYS[1], ARGV[1])
if not text or not sameTiming(text, ARGV[2], ARGV[3], ARGV[4]) then return 'other' end
if tonumber(redis.call('ZSCORE', KEYS[2], ARGV[1]) or '') ~= tonumber(ARGV[5]) then return 'other' end
redis.call('ZADD', KEYS[2], ARGV[6], ARGV[1])
return 'advanced'
`,
  },
} as const satisfies Readonly<Record<string, BullScript>>;
