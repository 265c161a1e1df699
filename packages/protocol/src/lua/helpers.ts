import { LARGE_BODY_BYTES } from '../verdict.ts';
import { LIBRARIES } from './embedded.ts';

/**
 * Lua that is put in front of every script of ours and of every BullMQ script that we extend. The fields that begin
 * with `f:` are ours; they stand in BullMQ's job hash, so that they live and die with the job.
 *
 *   f:gen    generation: 1, raised by every retry by hand
 *   f:fp     fingerprint of function and arguments, for calls with a user's own id
 *   f:w      callers that wait for the outcome, separated by spaces
 *   f:own    the caller that alone knows the call, '' for a cast and for an id of the user's own
 *   f:run    the runner that picked the call up; removed by every orderly end, so that finding it at the next
 *            pick-up means that the runner was lost
 *   f:moved  the attempt that went back to the queue in good order
 *   f:since  when the present period of waiting began;  f:pz  the pool's total pause at that moment
 *   f:loss / f:kill / f:late   runners lost, executors killed from outside, late faults of earlier calls
 *   f:base   pick-ups before this generation;  f:back  pick-ups of this one that went back before anything of the call had begun
 *   f:ll     lines of output that there were when it was picked up last
 *   f:hist   how its attempts ended, those that did not settle it (history.ts)
 *   f:qt / f:dl   queueTimeout (ms) and deadline (Redis ms), 0 for none
 *   f:ttl / f:fttl   how long an outcome is kept after success and after failure
 *   f:ms / f:nano   machine time of the call, of all its attempts, and what it cost in 1e-9 of a dollar (metrics)
 *   f:lim    its gates, separated by spaces (lib/gate.lua);  f:held  the gate before which it is held, and its entry there
 *   f:keys   its limits for people, as JSON;  f:turn  when it was accepted, in Redis µs: of those of one millisecond the earlier comes first
 *   f:token  until when it has a token that it has not used;  f:asked  when a retry by hand has asked for places
 *   f:fail   '1' when a lost runner fails the call instead of re-running it
 *   f:link   the caller, or the attempt of a call, whose end cancels the call
 *   f:up     the call that awaits it, of a call that a function made
 *   f:st     set once it has yielded: 'r' when its function can go on where it stopped, else '1'
 *   f:size   bytes of the job's data, when they were more than any envelope has and were dropped unread
 *   f:cancel reason of a cancellation that the executing runner has not yet carried out
 *   f:rel    release of the caller
 *   f:park   the release whose runner the call waits for;  f:pat  since when;  f:found  the release that could not take it;
 *            f:why  'strict', 'unknown' or 'changed'
 */
export const HELPERS = `
${LIBRARIES.tell}
${LIBRARIES.tokens}
${LIBRARIES.gate}
local flame = {}

-- A runner's or caller's own clock is never used: due times and heartbeats are Redis time.
local t = redis.call('TIME')
flame.now = t[1] * 1000 + math.floor(t[2] / 1000)

function flame.base(queuePrefix)
  return string.match(queuePrefix, '^(%b{})')
end

function flame.pausedFor(base)
  local p = redis.call('HMGET', base .. ':pause', 'since', 'total')
  -- What is no number counts as nothing: an error here would end every script of the pool.
  local total = tonumber(p[2] or '0') or 0
  if p[1] then total = total + (flame.now - (tonumber(p[1]) or flame.now)) end
  return total
end

function flame.startWaiting(jobKey, base, from)
  redis.call('HSET', jobKey, 'f:since', from or flame.now, 'f:pz', flame.pausedFor(base))
end

-- A count that is no number begins anew: it must not keep the call from being picked up.
function flame.count(jobKey, field)
  local n = redis.pcall('HINCRBY', jobKey, field, 1)
  if type(n) == 'number' then return n end
  redis.call('HSET', jobKey, field, 1)
  return 1
end

function flame.addWaiter(jobKey, waiter)
  if waiter == '' then return end
  local waiters = redis.call('HGET', jobKey, 'f:w') or ''
  if not string.find(' ' .. waiters .. ' ', ' ' .. waiter .. ' ', 1, true) then
    redis.call('HSET', jobKey, 'f:w', waiters == '' and waiter or (waiters .. ' ' .. waiter))
  end
end

function flame.leaveParking(base, id, jobKey)
  local release = redis.call('HGET', jobKey, 'f:park')
  if not release then return end
  redis.call('ZREM', base .. ':parked:' .. release, id)
  local fn = redis.call('HGET', jobKey, 'name') or ''
  redis.call('ZREM', base .. ':parkedfn:' .. fn, id)
  if redis.call('EXISTS', base .. ':parkedfn:' .. fn) == 0 then redis.call('SREM', base .. ':parkedfns', fn) end
  redis.call('HDEL', jobKey, 'f:park', 'f:pat', 'f:found', 'f:why')
end

-- How an attempt ended that did not settle its call: which runner, from when to when, its last lines. Bounded.
function flame.note(jobKey, ended)
  local f = redis.call('HMGET', jobKey, 'f:hist', 'processedOn', 'f:ll', 'f:run')
  local fine, list = pcall(cjson.decode, f[1] or '[]')
  if not fine or type(list) ~= 'table' then list = {} end
  local count = redis.call('LLEN', jobKey .. ':logs')
  local fresh = math.min(5, count - (tonumber(f[3] or '0') or 0))
  local entry = { runner = f[4] or '', at = tonumber(f[2] or '0') or 0, till = flame.now, ended = ended }
  if fresh > 0 then
    entry.lines = redis.call('LRANGE', jobKey .. ':logs', -fresh, -1)
    for i, line in ipairs(entry.lines) do entry.lines[i] = string.sub(line, 1, 300) end
  end
  list[#list + 1] = entry
  while #list > 10 do table.remove(list, 1) end
  redis.call('HSET', jobKey, 'f:hist', cjson.encode(list), 'f:ll', count)
end

-- Stores the outcome of one generation and announces it to everyone who waits. Small bodies travel in the reply itself; large
-- ones stand in a key of their own, so that they can go before the rest. What somebody waits for is kept for as long as the reply
-- that announces it, until they say that they have read it (flameDelivered): a caller may be busy for longer than its TTL.
function flame.settle(base, id, jobKey, gen, head, body, ok, inlineLimit)
  local f = redis.call('HMGET', jobKey, 'f:fp', 'f:w', 'f:ttl', 'f:fttl', 'f:own', 'f:hist', 'f:lim')
  local outcome = base .. ':outcome:' .. id
  local ttl = tonumber(ok and f[3] or f[4]) or 3600000
  if tonumber(gen) > 1 then redis.call('DEL', outcome, base .. ':body:' .. id) end
  local large, awaited = #body > ${LARGE_BODY_BYTES}, (f[2] or '') ~= ''
  local kept = awaited and math.max(ttl, AWAITED_MS) or ttl
  redis.call('HSET', outcome, 'gen', gen, 'head', head, 'fp', f[1] or '', 'at', flame.now)
  if f[6] then redis.call('HSET', outcome, 'hist', f[6]) end
  redis.call('PEXPIRE', outcome, kept)
  if large then redis.call('SET', base .. ':body:' .. id, body, 'PX', kept)
  else redis.call('HSET', outcome, 'body', body) end
  local own = ok and large and awaited and f[2] == f[5]
  local acknowledge = own or kept > ttl
  if acknowledge then redis.call('HSET', outcome, 'w', f[2], 'ttl', ttl, 'own', own and '1' or '0') end
  if ok then
    redis.call('DEL', base .. ':args:' .. id)
    redis.call('ZREM', base .. ':large', id)
  else
    redis.call('PEXPIRE', base .. ':args:' .. id, ttl)
  end
  redis.call('ZREM', base .. ':expiry', id)
  redis.call('ZREM', base .. ':linked', id)
  redis.call('HDEL', jobKey, 'f:run', 'f:cancel')
  flame.leaveParking(base, id, jobKey)
  gate.release(string.sub(jobKey, 1, #jobKey - #id), base, f[7], id, jobKey)
  local told = #body <= tonumber(inlineLimit) and body or nil
  for waiter in string.gmatch(f[2] or '', '%S+') do tell(base, waiter, id, gen, head, told, acknowledge) end
end
`;
