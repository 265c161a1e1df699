-- Carries out what attempts have decided, several calls at once, and picks up what comes next for the same slots.
-- The fence: a verdict counts when its attempt is still the newest, even if its lock has run out meanwhile (a call that was taken
-- back is fetched back). Any other is refused, and so is one that is sent again when it has been carried out: it would charge a
-- budget twice.
-- uses: clock waiting starts parking tell outcome history tokens gate limits take hand-over attempt
-- keys: the queue's prefix
-- arguments: runner, its release, ms of a lock, most bytes of data, most bytes of a body that is told with it, finished jobs to keep;
--   then for each verdict: id, attempt, generation, kind, head, body, reason, rare settings as JSON (with an outcome: the end of its stream) or '', and what becomes of its slot:
--   '' for nothing, '1' when it takes the next call, or a number under which it is offered when there is none
-- reply: list of { status, call or false }; status 1 carried out, 0 superseded, or ! and the text of an error; then
--   { 'refused' } when this user may not push replies
local runner, release, lockMs, mostData = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local inlineLimit, keep = tonumber(ARGV[5]), tonumber(ARGV[6])
local finished = false
-- A call that goes back before anything of it has begun keeps its token for so long.
local TOKEN_MS = 5000

-- Its lock is gone already.
local function leaveActive(id)
  rc('LREM', queue .. 'active', -1, id)
end

-- @param made attempts that have ended before, as the job has them. @param names of its limits
local function finish(id, jobKey, ok, reason, made, names)
  leaveActive(id)
  rc('ZADD', queue .. (ok and 'completed' or 'failed'), now, id)
  rc('HSET', jobKey, ok and 'returnvalue' or 'failedReason', ok and 'null' or reason, 'finishedOn', now, 'atm', counted(made) + 1)
  rc('HDEL', jobKey, 'f:run', 'f:cancel')
  finished = finished or ok
  gate.release(queue, base, names, id, jobKey)
end

local function delay(id, jobKey, ms)
  local due = now + ms
  rc('ZADD', queue .. 'delayed', due * 0x1000, id)
  rc('HSET', jobKey, 'delay', ms, 'timestampDelayed', now)
  local first = rc('ZRANGE', queue .. 'delayed', 0, 0, 'WITHSCORES')
  wakeAt(math.floor(tonumber(first[2]) / 0x1000))
end

local function move(id, jobKey, ats, kind, reason, rare, priority, names)
  local more = rare == '' and {} or cjson.decode(rare)
  if more.ended then note(jobKey, more.ended) end
  if more.unbegun then
    count(jobKey, 'f:back')
    if names then rc('HSET', jobKey, 'f:token', now + TOKEN_MS) end
  end
  rc('HSET', jobKey, 'f:moved', ats)
  leaveActive(id)
  rc('HDEL', jobKey, 'f:run')
  if kind == 'retry' then
    count(jobKey, 'atm')
    rc('HSET', jobKey, 'failedReason', reason)
  end
  if more.count then count(jobKey, more.count) end
  -- What is handed back goes on where it was. What rests holds nobody up.
  if kind == 'park' or more.delay then gate.release(queue, base, names, id, jobKey) end
  if kind == 'park' then
    park(id, jobKey, more)
    delay(id, jobKey, more.delay)
  elseif more.delay then
    startWaiting(jobKey, now + more.delay)
    delay(id, jobKey, more.delay)
  else
    startWaiting(jobKey)
    enqueue(id, priority, kind == 'again')
    if not isStopped() then wake() end
  end
end

local function carryOut(i)
  local id, ats, gen, kind, head, reason = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 6]
  local jobKey = queue .. id
  local f = rc('HMGET', jobKey, 'ats', 'f:gen', 'f:moved', 'finishedOn', 'f:w', 'f:ttl', 'f:fttl', 'f:fp', 'f:qt', 'f:dl', 'f:link',
    'f:args', 'f:park', 'priority', 'f:own', 'f:hist', 'f:run', 'f:lim', 'atm')
  -- One that has finished and was put in line again (a replay) has been begun since: its place must be cleared.
  if f[1] ~= ats or (f[2] or '') ~= gen or f[3] == ats or (f[4] and not f[17]) then return 0 end
  if kind == 'ok' or kind == 'error' then
    -- The first outcome of a generation is the one that counts. There is none while a call runs for the first time.
    if (f[4] or ats ~= '1') and rc('HGET', base .. ':outcome:' .. id, 'gen') == gen then return 0 end
    if ARGV[i + 7] ~= '' then endStream(id, jobKey, gen, ats, ARGV[i + 7]) end
    storeOutcome(id, jobKey, gen, kind == 'ok', head, ARGV[i + 5], {
      waiters = f[5], ttl = f[6], failedTtl = f[7], fingerprint = f[8], link = f[11], hasArgs = f[12], park = f[13], own = f[15], history = f[16],
      bounded = (f[9] or '0') ~= '0' or (f[10] or '0') ~= '0',
    }, inlineLimit)
  end
  -- Only a call without its lock can have been taken back; looking for it costs as much as the queue is long.
  if rc('DEL', jobKey .. ':lock') == 0 then
    if rc('LREM', queue .. 'wait', 1, id) == 1 or rc('ZREM', queue .. 'prioritized', id) == 1 then
      rc('LPUSH', queue .. 'active', id)
    end
    rc('SREM', queue .. 'stalled', id)
  end
  if kind == 'ok' then finish(id, jobKey, true, '', f[19], f[18])
  elseif kind == 'error' or kind == 'reject' then finish(id, jobKey, false, reason, f[19], f[18])
  elseif kind == 'finish' then
    local known = rc('HGET', base .. ':outcome:' .. id, 'head') or ''
    finish(id, jobKey, string.find(known, '"ok":true', 1, true) ~= nil, reason, f[19], f[18])
  else move(id, jobKey, ats, kind, reason, ARGV[i + 7], tonumber(f[14] or '0') or 0, f[18]) end
  return 1
end

local replies = {}
for i = 7, #ARGV, 9 do
  replies[#replies + 1] = { attempt(carryOut, i), false }
end
-- After all of them: what goes back to the queue is not taken again before its turn.
local at = 1
for i = 7, #ARGV, 9 do
  local slot = ARGV[i + 8]
  if slot ~= '' then
    replies[at][2] = take(runner, release, lockMs, mostData)
    if slot ~= '1' and not replies[at][2] then offer(runner, slot) end
  end
  at = at + 1
end
-- The dashboard shows the newest ones; outcomes have keys and times of their own.
if finished and rc('ZCARD', queue .. 'completed') > keep + 50 then
  for _, id in ipairs(rc('ZRANGE', queue .. 'completed', 0, 99)) do rc('DEL', queue .. id, queue .. id .. ':logs') end
  rc('ZREMRANGEBYRANK', queue .. 'completed', 0, 99)
end
if pushRefused then replies[#replies + 1] = { 'refused' } end
return replies
