/** Looking at one call and its pool, in one step. */
import type { BullScript } from '../bullmq-scripts.ts';
import { HELPERS } from './helpers.ts';

export const INSPECT_SCRIPT = {
  /** KEYS queue prefix; ARGV id. @returns what is known of a call and its pool, as a flat list; read by inspection.ts. */
  flameInspect: {
    name: 'flameInspect',
    keys: 1,
    content: `${HELPERS}
local queue, id = KEYS[1], ARGV[1]
local jobKey, base = queue .. id, flame.base(queue)
local f = redis.call('HMGET', jobKey, 'f:gen', 'f:since', 'f:pz', 'f:loss', 'f:kill', 'f:run', 'f:qt', 'f:dl', 'ats', 'f:base',
  'processedOn', 'f:cancel', 'name', 'atm', 'timestamp', 'f:fail', 'f:park', 'f:pat', 'f:found', 'f:why', 'f:back', 'f:hist', 'f:held', 'f:keys', 'f:st')
local waits = f[25] and redis.call('HGET', base .. ':stream:' .. id, 'waits') or ''
local outcomeGen = redis.call('HGET', base .. ':outcome:' .. id, 'gen')
if not f[22] then f[22] = redis.call('HGET', base .. ':outcome:' .. id, 'hist') end
local state, ahead, due = 'missing', 0, 0
if outcomeGen and (not f[1] or outcomeGen == f[1]) then state = 'settled'
elseif f[1] then
  local at = redis.call('LPOS', queue .. 'wait', id)
  if at then
    state = 'waiting'
    ahead = redis.call('LLEN', queue .. 'wait') - at - 1
  elseif redis.call('ZSCORE', queue .. 'prioritized', id) then
    state = 'waiting'
    ahead = redis.call('LLEN', queue .. 'wait') + redis.call('ZRANK', queue .. 'prioritized', id)
  else
    local score = redis.call('ZSCORE', queue .. 'delayed', id)
    if score then
      due = math.floor(tonumber(score) / 0x1000)
      -- Somebody has to move it when it is due. From then on it waits, whether or not that has happened.
      state = (f[17] or f[23] or due <= flame.now) and 'waiting' or 'delayed'
      if not f[17] and not f[23] then ahead = redis.call('LLEN', queue .. 'wait') + redis.call('ZCARD', queue .. 'prioritized') end
    elseif redis.call('LPOS', queue .. 'active', id) then
      state = redis.call('EXISTS', jobKey .. ':lock') == 1 and 'active' or 'orphaned'
    elseif redis.call('ZSCORE', queue .. 'failed', id) or redis.call('ZSCORE', queue .. 'completed', id) then
      state = 'expired'
    else state = 'lost' end
  end
end
local live, activeIds = 0, redis.call('LRANGE', queue .. 'active', 0, 999)
for _, activeId in ipairs(activeIds) do
  if redis.call('EXISTS', queue .. activeId .. ':lock') == 1 then live = live + 1 end
end
-- Whether each call that runs awaits another one of this pool, which runs in the same way or waits.
local selfWait = 0
if state == 'waiting' and #activeIds > 0 and redis.call('EXISTS', base .. ':nests') == 1 then
  local awaiting = {}
  for _, ids in ipairs({ activeIds, redis.call('LRANGE', queue .. 'wait', -500, -1), redis.call('ZRANGE', queue .. 'prioritized', 0, 499) }) do
    for _, other in ipairs(ids) do
      local up = redis.call('HGET', queue .. other, 'f:up')
      if up then awaiting[up] = true end
    end
  end
  selfWait = 1
  for _, activeId in ipairs(activeIds) do
    if not awaiting[activeId] then selfWait = 0 end
  end
end
-- Of a call that is held for a limit: which of its limits that is, how many may begin and have begun there, who has set that, how many
-- are held before it, and who of those that have begun awaits a call that is held in its turn.
local limit = {}
if state == 'waiting' and f[23] then
  local name, member = string.match(f[23], '^(%S+) (.+)$')
  local places, gates, at = base .. ':places:' .. name, redis.call('HGET', jobKey, 'f:lim') or '', 0
  for other in string.gmatch(gates, '%S+') do
    if other == name then break end
    at = at + 1
  end
  ahead = redis.call('ZRANK', base .. ':held:' .. name, member) or 0
  local awaiting, stuck, moving = {}, {}, 0
  for _, other in ipairs(redis.call('ZRANGEBYSCORE', queue .. 'delayed', HELD_SCORE, HELD_SCORE, 'LIMIT', 0, 500)) do
    local up = redis.call('HGET', queue .. other, 'f:up')
    if up then awaiting[up] = true end
  end
  for _, holder in ipairs(redis.call('ZRANGE', places, 0, 99)) do
    if awaiting[holder] then stuck[#stuck + 1] = holder else moving = moving + 1 end
  end
  local numbers = base .. ':limits'
  local by = redis.call('HMGET', numbers, 'who ' .. name, 'who ' .. string.match(name, '^[^.]*'))
  local most, rate = gate.numbers(base, name)
  local free, next = 1, 0
  if rate then free, next = tokens.look(base, name, rate) end
  limit = { at, tostring(most), redis.call('ZCARD', places), by[1] or by[2] or '', moving, stuck,
    free < 1 and tostring(next) or '', rate and (rate.calls .. ' ' .. rate.per) or '' }
end
-- Of a call that waits for a runner of its release: which releases there are, and whether the pool is being rolled over.
local releases, rolling = {}, 0
if f[17] then
  for _, runner in ipairs(redis.call('ZRANGE', base .. ':runners', flame.now - 20000, '+inf', 'BYSCORE', 'LIMIT', 0, 1000)) do
    local r = redis.call('HMGET', base .. ':runner:' .. runner, 'state', 'release')
    if r[1] == 'draining' or r[1] == 'drained' or r[2] == f[17] then rolling = 1 end
    -- It may have the very same function, and is only busy.
    if r[2] and f[20] ~= 'strict' and redis.call('SISMEMBER', base .. ':lacks:' .. (f[13] or ''), r[2]) == 0 then rolling = 1 end
    if r[2] and r[1] ~= 'ended' then releases[#releases + 1] = r[2] end
  end
end
return { state, tostring(ahead), tostring(due), tostring(flame.now), tostring(flame.pausedFor(base)),
  redis.call('HEXISTS', queue .. 'meta', 'paused'), redis.call('GET', base .. ':last-start') or '0', live,
  redis.call('ZCOUNT', base .. ':runners', flame.now - 20000, '+inf'), releases, rolling, selfWait, limit, f[24] or '', waits, unpack(f, 1, 22) }
`,
  },
} as const satisfies Readonly<Record<string, BullScript>>;
