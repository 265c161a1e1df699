/**
 * What the leader reads and writes in a pool's own slot. Writes compare with the pool's copy of the epoch, which a new
 * leader raises first: the app's epoch lives in another slot.
 */
import { NOW, script } from './script.ts';

const FENCE = `if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'fenced' end
`;

/** KEYS pool epoch; ARGV epoch. */
export const RAISE = script(`
local held = tonumber(redis.call('GET', KEYS[1]) or '0')
if held > tonumber(ARGV[1]) then return 'fenced' end
redis.call('SET', KEYS[1], ARGV[1])
return 'ok'
`);

/**
 * KEYS queue prefix, runner index, settings, orders; ARGV prefix of the runner hashes, ms, then ids to read although they may have
 * left. A delayed call's score is its due time * 4096. The oldest call is the one at the end that is taken from next. Calls that
 * a limit of the whole queue holds back (BullMQ's global concurrency, which Bull Board can set) are no reason for a runner.
 */
export const OBSERVE = script(`${NOW}
local queue = KEYS[1]
local oldest = redis.call('LINDEX', queue .. 'wait', -1) or redis.call('ZRANGE', queue .. 'prioritized', 0, 0)[1]
local since = false
if oldest then
  local f = redis.call('HMGET', queue .. oldest, 'f:since', 'timestamp')
  since = f[1] or f[2]
end
local ids, seen = redis.call('ZRANGE', KEYS[2], 0, -1), {}
for _, id in ipairs(ids) do seen[id] = true end
for i = 3, #ARGV do
  if not seen[ARGV[i]] then ids[#ids + 1] = ARGV[i] end
end
local agents = {}
for _, id in ipairs(ids) do
  -- Of another type it is nobody's record, and no reason to see none of the others.
  local fields = redis.pcall('HGETALL', ARGV[1] .. id)
  if not fields.err and #fields > 0 then agents[#agents + 1] = { id, fields } end
end
local base, releases = string.match(queue, '^(%b{})'), {}
local sights = redis.call('ZRANGE', base .. ':releases', 0, -1, 'WITHSCORES')
for i = 1, #sights, 2 do
  releases[#releases + 1] = { sights[i], sights[i + 1], redis.call('ZSCORE', base .. ':called', sights[i]) or '0',
    redis.call('ZCARD', base .. ':parked:' .. sights[i]) }
end
local waiting, prioritized = redis.call('LLEN', queue .. 'wait'), redis.call('ZCARD', queue .. 'prioritized')
local active, limit = redis.call('LLEN', queue .. 'active'), tonumber(redis.call('HGET', queue .. 'meta', 'concurrency') or '')
if limit then
  local free = math.max(0, limit - active)
  prioritized = math.min(prioritized, free)
  waiting = math.min(waiting, free - prioritized)
end
return { tostring(now), redis.call('HEXISTS', queue .. 'meta', 'paused'), waiting, prioritized, active,
  redis.call('ZCOUNT', queue .. 'delayed', '-inf', (now + tonumber(ARGV[2]) + 1) * 4096 - 1),
  since or '', agents, redis.call('HGETALL', KEYS[3]), redis.call('HGETALL', KEYS[4]), releases }
`);

/** KEYS pool epoch, runner hash; ARGV epoch, channel, id, generation, reason. */
export const ORDER_DRAIN = script(`${FENCE}
if redis.call('EXISTS', KEYS[2]) == 0 then return 'missing' end
redis.call('HSET', KEYS[2], 'drain', ARGV[4], 'drainReason', ARGV[5])
redis.call('PUBLISH', ARGV[2], cjson.encode({ type = 'drain', runnerId = ARGV[3], generation = tonumber(ARGV[4]) }))
return 'ordered'
`);

/**
 * KEYS pool epoch, runner hash; ARGV epoch, channel, id. Refuses after the acknowledgement: from then on the runner may be
 * gone at any moment, and the autoscaler may have decided on it.
 */
export const REACTIVATE = script(`${FENCE}
local f = redis.call('HMGET', KEYS[2], 'state', 'drain')
if not f[1] then return 'missing' end
if f[1] == 'drained' or f[1] == 'ended' then return 'acknowledged' end
redis.call('HSET', KEYS[2], 'drain', 0, 'drainReason', '')
redis.call('PUBLISH', ARGV[2], cjson.encode({ type = 'drain', runnerId = ARGV[3], generation = 0 }))
return 'reactivated'
`);

/**
 * KEYS pool epoch, runner hash; ARGV epoch, channel, id, reason. Of a runner that a platform keeps: it drains and stays. A number above
 * every order so far; one that drains for another reason is left alone.
 */
export const PARK = script(`${FENCE}
local f = redis.call('HMGET', KEYS[2], 'state', 'drain', 'ackedDrain')
if f[1] ~= 'ready' and f[1] ~= 'starting' then return 'missing' end
if tonumber(f[2] or '0') > 0 then return 'missing' end
local generation = tonumber(f[3] or '0') + 1
redis.call('HSET', KEYS[2], 'drain', generation, 'drainReason', ARGV[4], 'parked', 1)
redis.call('PUBLISH', ARGV[2], cjson.encode({ type = 'drain', runnerId = ARGV[3], generation = generation }))
return 'ordered'
`);

/** KEYS pool epoch, runner hash; ARGV epoch, channel, id. Also after the acknowledgement: it is still there. */
export const UNPARK = script(`${FENCE}
local f = redis.call('HMGET', KEYS[2], 'state', 'parked')
if not f[1] or f[1] == 'ended' or f[2] ~= '1' then return 'missing' end
redis.call('HSET', KEYS[2], 'drain', 0, 'drainReason', '')
redis.call('HDEL', KEYS[2], 'parked')
redis.call('PUBLISH', ARGV[2], cjson.encode({ type = 'drain', runnerId = ARGV[3], generation = 0 }))
return 'ordered'
`);

/** KEYS pool epoch, orders; ARGV epoch, runner id, text. */
export const FULFIL = script(`${FENCE}
if redis.call('HGET', KEYS[2], ARGV[2]) == ARGV[3] then redis.call('HDEL', KEYS[2], ARGV[2]) end
return 'ok'
`);

/** KEYS queue prefix; ARGV runner id. @returns active calls of this runner that have a lock. */
export const HELD_LOCKS = script(`
local held = 0
for _, id in ipairs(redis.call('LRANGE', KEYS[1] .. 'active', 0, -1)) do
  local jobKey = KEYS[1] .. id
  if redis.call('HGET', jobKey, 'f:run') == ARGV[1] and redis.call('EXISTS', jobKey .. ':lock') == 1 then held = held + 1 end
end
return held
`);

/** KEYS pool epoch, runner index, runner hash; ARGV epoch, id, reason. */
export const FORGET = script(`${FENCE}
redis.call('ZREM', KEYS[2], ARGV[2])
if redis.call('EXISTS', KEYS[3]) == 1 and redis.call('HGET', KEYS[3], 'state') ~= 'ended' then
  redis.call('HSET', KEYS[3], 'state', 'ended', 'reason', ARGV[3], 'active', 0)
  redis.call('PEXPIRE', KEYS[3], 3600000)
end
return 'ok'
`);

/** KEYS pool epoch, events, history, numbers of the pool's calls; ARGV epoch, number of events, then type, runner id, reason, details for each, then the sample's fields. */
export const RECORD = script(`${NOW}${FENCE}
local count = tonumber(ARGV[2])
for i = 0, count - 1 do
  local at = 3 + 4 * i
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', 1000, '*', 'type', ARGV[at], 'runnerId', ARGV[at + 1], 'reason', ARGV[at + 2],
    'at', now, 'details', ARGV[at + 3])
end
local first = 3 + 4 * count
if #ARGV >= first then
  local c = redis.call('HMGET', KEYS[4], 'begun', 'ended', 'failed')
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', 3600, '*', 'at', now, 'begun', c[1] or 0, 'ended', c[2] or 0, 'failures', c[3] or 0,
    unpack(ARGV, first))
end
return 'ok'
`);

/**
 * KEYS pool epoch, fleet, machines; ARGV epoch, number of the batch, its counts and its machines as JSON (no text: the entry goes).
 * A batch that is sent again after an answer that did not arrive is counted once.
 */
export const COUNT = script(`${FENCE}
local batch = ARGV[1] .. ':' .. ARGV[2]
if redis.call('HGET', KEYS[2], 'batch') == batch then return 'ok' end
redis.call('HSET', KEYS[2], 'batch', batch)
for field, by in pairs(cjson.decode(ARGV[3])) do
  redis.call('HINCRBY', KEYS[2], field, string.format('%d', math.floor(by + 0.5)))
end
for id, text in pairs(cjson.decode(ARGV[4])) do
  if text == '' then redis.call('HDEL', KEYS[3], id) else redis.call('HSET', KEYS[3], id, text) end
end
return 'ok'
`);

/**
 * KEYS pool epoch, stream, numbers of the pool's calls; ARGV epoch, entries to keep, bounds of a histogram, then the sample's fields.
 * Counters and histograms are those of this moment; whoever reads takes the difference of two.
 */
export const THIN = script(`${NOW}${FENCE}
local function histogram(name)
  local fields = {}
  for i = 0, tonumber(ARGV[3]) do fields[#fields + 1] = name .. i end
  local counts = redis.call('HMGET', KEYS[3], unpack(fields))
  for i, count in ipairs(counts) do counts[i] = count or 0 end
  return table.concat(counts, ',')
end
local c = redis.call('HMGET', KEYS[3], 'begun', 'ended', 'failed', 'ms', 'nano')
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'at', now, 'begun', c[1] or 0, 'ended', c[2] or 0, 'failures', c[3] or 0,
  'ms', c[4] or 0, 'nano', c[5] or 0, 'w', histogram('w'), 'r', histogram('r'), unpack(ARGV, 4))
return 'ok'
`);
