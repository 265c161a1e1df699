/**
 * Our own scripts on calls. They move jobs between BullMQ's keys only where BullMQ has no operation for it: settling a
 * call that never started, and taking a call back from a runner that is gone.
 */
import type { BullScript } from '../bullmq-scripts.ts';
import { HELPERS } from './helpers.ts';
import { INSPECT_SCRIPT } from './inspect-script.ts';

const script = (name: string, keys: number, lua: string): BullScript => ({ name, keys, content: HELPERS + lua });

/** Moves a call that has not started out of the queue and into BullMQ's failed set, with its outcome. Shared text. */
const TAKE_FROM_QUEUE = `
local function takeFromQueue(queue, id)
  return redis.call('LREM', queue .. 'wait', 1, id) == 1
    or redis.call('ZREM', queue .. 'prioritized', id) == 1
    or redis.call('ZREM', queue .. 'delayed', id) == 1
end
local function fail(queue, id, message)
  local jobKey = queue .. id
  redis.call('ZADD', queue .. 'failed', flame.now, id)
  redis.call('HSET', jobKey, 'failedReason', message, 'finishedOn', flame.now)
  redis.call('XADD', queue .. 'events', 'MAXLEN', '~', 1000, '*', 'event', 'failed', 'jobId', id, 'failedReason', message, 'prev', 'waiting')
end
`;

export const CALL_SCRIPTS = {
  /**
   * KEYS queue prefix; ARGV id, generation (0: whichever is current), head, body, message, inline limit, cancel reason.
   * Settles a waiting or delayed call. A call that runs is asked to stop instead, when a cancel reason is given.
   * @returns 'settled', 'active', 'finished' or 'missing'
   */
  flameSettleWaiting: script(
    'flameSettleWaiting',
    1,
    `${TAKE_FROM_QUEUE}
local queue, id = KEYS[1], ARGV[1]
local jobKey, base = queue .. id, flame.base(queue)
local gen = redis.call('HGET', jobKey, 'f:gen')
if not gen then return 'missing' end
if redis.call('HGET', base .. ':outcome:' .. id, 'gen') == gen then return 'finished' end
if ARGV[2] ~= '0' and ARGV[2] ~= gen then return 'finished' end
if takeFromQueue(queue, id) then
  if redis.call('HEXISTS', jobKey, 'f:run') == 1 then flame.note(jobKey, 'its runner was lost') end
  flame.settle(base, id, jobKey, gen, ARGV[3], ARGV[4], false, ARGV[6])
  fail(queue, id, ARGV[5])
  return 'settled'
end
if ARGV[7] ~= '' then
  redis.call('HSET', jobKey, 'f:cancel', ARGV[7])
  redis.call('PUBLISH', base .. ':control', cjson.encode({ type = 'cancel', callId = id }))
end
return 'active'
`,
  ),
  /**
   * KEYS queue prefix; ARGV id, reply stream to join or '', inline limit.
   * @returns {state, generation, …}: what a caller or `attach` needs to go on waiting or to settle. 'settled' with head, '1' when its
   * reading is to be acknowledged, and the body when it is small; 'delivered' with when (Redis ms) and to whom
   */
  flameLookup: script(
    'flameLookup',
    1,
    `
local queue, id, waiter, inlineLimit = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local jobKey, base = queue .. id, flame.base(queue)
local f = redis.call('HMGET', jobKey, 'f:gen', 'finishedOn', 'f:qt', 'f:dl')
local gen = f[1]
local outcome, large = base .. ':outcome:' .. id, base .. ':body:' .. id
local o = redis.call('HMGET', outcome, 'gen', 'head', 'w', 'read', 'to', 'ttl', 'at')
if o[1] and (not gen or o[1] == gen) then
  if o[4] and redis.call('EXISTS', large) == 0 then return { 'delivered', o[1], o[4], o[5] } end
  if o[4] and waiter ~= '' then
    -- Read before, and wanted again while it was still there: it is kept as one that nobody has read.
    redis.call('PEXPIRE', large, math.max(1, tonumber(o[7]) + tonumber(o[6]) - flame.now))
    redis.call('HDEL', outcome, 'read', 'to')
  end
  local mine = string.find(' ' .. (o[3] or '') .. ' ', ' ' .. waiter .. ' ', 1, true) and waiter ~= ''
  local small = redis.call('HSTRLEN', outcome, 'body') <= inlineLimit
  return { 'settled', o[1], o[2], mine and '1' or '0', small and redis.call('HGET', outcome, 'body') }
end
-- Finished without an outcome: it has expired, or somebody else ended the job. Nothing will come any more.
if not gen or f[2] then return { 'missing' } end
flame.addWaiter(jobKey, waiter)
return { 'pending', gen, ((f[3] or '0') ~= '0' or (f[4] or '0') ~= '0') and '1' or '0' }
`,
  ),
  /**
   * KEYS queue prefix; ARGV reply stream, name of the process for people, how long a large result that its only waiter has read is
   * kept (ms), then id, generation, '1' when its value was read for each. From the last reading on, an outcome lives no longer than its TTL.
   */
  flameDelivered: script(
    'flameDelivered',
    1,
    `
local waiter, by, grace = ARGV[1], ARGV[2], tonumber(ARGV[3])
local base = flame.base(KEYS[1])
for i = 4, #ARGV, 3 do
  local outcome, large = base .. ':outcome:' .. ARGV[i], base .. ':body:' .. ARGV[i]
  local o = redis.call('HMGET', outcome, 'gen', 'w', 'ttl', 'at', 'own')
  local list = ' ' .. (o[2] or '') .. ' '
  local at = string.find(list, ' ' .. waiter .. ' ', 1, true)
  if o[1] == ARGV[i + 1] and at then
    local others = string.match(string.sub(list, 1, at) .. string.sub(list, at + #waiter + 2), '^%s*(.-)%s*$')
    if others ~= '' then redis.call('HSET', outcome, 'w', others)
    else
      local left = math.max(1, tonumber(o[4]) + tonumber(o[3]) - flame.now)
      redis.call('HDEL', outcome, 'w')
      redis.call('PEXPIRE', outcome, left)
      if o[5] == '1' and ARGV[i + 2] == '1' then
        redis.call('HSET', outcome, 'read', flame.now, 'to', by)
        left = math.min(left, grace)
      end
      redis.call('PEXPIRE', large, left)
    end
  end
end
return 1
`,
  ),
  /**
   * KEYS the count of a line of calls; ARGV casts a second. So many may come at once, and then no faster.
   * @returns 1, or 0 when it is too often
   */
  flameLoopRate: script(
    'flameLoopRate',
    1,
    `
local every = 1000 / tonumber(ARGV[1])
local at = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), flame.now)
if at - flame.now > 1000 - every then return 0 end
redis.call('SET', KEYS[1], string.format('%.3f', at + every), 'PX', 2000)
return 1
`,
  ),
  ...INSPECT_SCRIPT,
  /**
   * KEYS queue prefix; ARGV lock ms, then id, attempt, generation, token for each. Renews what is still ours by the fence,
   * taking a lock again that ran out while Redis was away. @returns {superseded ids, ids to cancel with their reasons}
   */
  flameRenew: script(
    'flameRenew',
    1,
    `
local queue, lockMs = KEYS[1], ARGV[1]
local lost, cancelled = {}, {}
for i = 2, #ARGV, 4 do
  local id, attempt, gen, token = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local jobKey = queue .. id
  local f = redis.call('HMGET', jobKey, 'ats', 'f:gen', 'f:cancel')
  local mine = f[1] == attempt and f[2] == gen
  if mine and redis.call('EXISTS', jobKey .. ':lock') == 0 then
    if redis.call('LREM', queue .. 'wait', 1, id) == 1 or redis.call('ZREM', queue .. 'prioritized', id) == 1 then
      redis.call('LPUSH', queue .. 'active', id)
    end
    mine = redis.call('LPOS', queue .. 'active', id) ~= false
  end
  if mine then
    redis.call('SET', jobKey .. ':lock', token, 'PX', lockMs)
    redis.call('SREM', queue .. 'stalled', id)
    if f[3] then
      cancelled[#cancelled + 1] = id
      cancelled[#cancelled + 1] = f[3]
    end
  else lost[#lost + 1] = id end
end
return { lost, cancelled }
`,
  ),
  /**
   * KEYS queue prefix; ARGV runner id. Takes back at once what a runner held that is known to be gone, without waiting
   * for its locks. The loss is counted at the next pick-up. @returns ids moved to the head of the queue
   */
  flameReleaseRunner: script(
    'flameReleaseRunner',
    1,
    `
local queue, runner = KEYS[1], ARGV[1]
local base, moved = flame.base(KEYS[1]), {}
for _, id in ipairs(redis.call('LRANGE', queue .. 'active', 0, -1)) do
  local jobKey = queue .. id
  if redis.call('HGET', jobKey, 'f:run') == runner then
    redis.call('DEL', jobKey .. ':lock')
    redis.call('SREM', queue .. 'stalled', id)
    redis.call('LREM', queue .. 'active', 1, id)
    local priority = tonumber(redis.call('HGET', jobKey, 'priority') or '0') or 0
    if priority > 0 then redis.call('ZADD', queue .. 'prioritized', priority * 0x100000000, id)
    else redis.call('RPUSH', queue .. 'wait', id) end
    flame.startWaiting(jobKey, base)
    moved[#moved + 1] = id
  end
end
if #moved > 0 and redis.call('HEXISTS', queue .. 'meta', 'paused') == 0 then redis.call('ZADD', queue .. 'marker', 0, '0') end
return moved
`,
  ),
  /**
   * KEYS queue prefix; ARGV most, then where to look in the completed and in the failed jobs, -1 for not at all. @returns ids of
   * finished jobs whose outcome has run out, how many large arguments had no job, and where to look next, -1 at the end
   */
  flameStale: script(
    'flameStale',
    1,
    `
local queue, most = KEYS[1], tonumber(ARGV[1])
local base, stale, places = flame.base(queue), {}, {}
for i, set in ipairs({ 'completed', 'failed' }) do
  local at = tonumber(ARGV[i + 1])
  if at >= 0 then
    local ids, before = redis.call('ZRANGE', queue .. set, at, at + most - 1), #stale
    for _, id in ipairs(ids) do
      if redis.call('EXISTS', base .. ':outcome:' .. id) == 0 then stale[#stale + 1] = id end
    end
    -- Those that are removed will not stand in the way the next time.
    at = #ids < most and -1 or at + #ids - (#stale - before)
  end
  places[i] = at
end
local orphans = 0
for _, id in ipairs(redis.call('ZRANGE', base .. ':large', 0, most - 1)) do
  if redis.call('EXISTS', queue .. id) == 0 then
    redis.call('DEL', base .. ':args:' .. id)
    redis.call('ZREM', base .. ':large', id)
    orphans = orphans + 1
  else
    redis.call('ZADD', base .. ':large', flame.now, id)
  end
end
return { stale, orphans, places[1], places[2] }
`,
  ),
} as const satisfies Readonly<Record<string, BullScript>>;
