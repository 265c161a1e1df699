-- Accepts calls of one pool. Sent twice, it adds once: a command that a client repeats after a broken connection finds the job and
-- joins it.
-- uses: clock waiting starts hand-over attempt tokens gate limits
-- keys: the queue's prefix
-- arguments: most calls that may wait, waiter, release of the caller, ms of a lock; then for each call: id, name, data, fingerprint, delay ms, priority,
--   queueTimeout ms, deadline in ms, deadline at, resultTtl ms, failedTtl ms, '1' when a lost runner fails it, whose end cancels it, the call that awaits it, large arguments, its limits as JSON or ''
-- reply: for each accepted, id-conflict or queue-full, or ! and the text of an error; then 'refused' when this user may not push, and 'unread' when replies for this waiter, who hears
--   pushes, stand in its stream
local maxPending, waiter, release, lockMs = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
-- More of a call does not travel in a push: it is picked up.
local MOST_PUSHED = 65536
-- A runner whose heartbeat is older may be gone without having closed its connection.
local ALIVE_MS = 5000
local waiting, pending, meta, isHandedOver, woken, paused
local refused, begun = false, false

-- In a step of its own, so that a missing right for any of it has a name too.
local function look()
  waiting = rc('LLEN', queue .. 'wait')
  pending = waiting
  -- Most pools have none of these, and one command says so.
  if rc('EXISTS', queue .. 'prioritized', queue .. 'delayed') > 0 then
    waiting = waiting + rc('ZCARD', queue .. 'prioritized')
    pending = waiting + rc('ZCARD', queue .. 'delayed')
  end
  meta = rc('HMGET', queue .. 'meta', 'paused', 'opts.maxLenEvents', 'concurrency')
  isHandedOver = not meta[1] and not meta[3]
  woken, paused = meta[1], pausedFor()
  return false
end

local function addWaiter(jobKey)
  if waiter == '' then return end
  local waiters = rc('HGET', jobKey, 'f:w') or ''
  if not string.find(' ' .. waiters .. ' ', ' ' .. waiter .. ' ', 1, true) then
    rc('HSET', jobKey, 'f:w', waiters == '' and waiter or (waiters .. ' ' .. waiter))
  end
end

-- To the runner that has had a free slot for longest: as if it had picked the call up at once. Nobody there, or no right to push, is as if
-- there were no such slot. Nothing of it fails after a first write.
-- @returns whether it has the call
local function handOver(id, jobKey, data, queueTimeout, deadline)
  while true do
    local done, entry = pcall(rc, 'ZPOPMIN', base .. ':free')
    if not done or not entry[1] then
      isHandedOver, refused = false, not done
      return false
    end
    local number, runner = string.sub(entry[1], 1, NUMBER_BYTES), string.sub(entry[1], NUMBER_BYTES + 1)
    local seen = tonumber(rc('ZSCORE', base .. ':runners', runner) or '0')
    if now - seen < ALIVE_MS then
      local text = number .. '\n' .. id .. '\n' .. now .. '\n' .. deadline .. '\n' .. queueTimeout .. '\n' .. data
      local sent, heard = pcall(rc, 'PUBLISH', base .. ':hand:' .. runner, text)
      if not sent then
        rc('ZADD', base .. ':free', entry[2], entry[1])
        isHandedOver, refused = false, true
        return false
      end
      if heard > 0 then
        rc('HSET', jobKey, 'ats', 1, 'processedOn', now, 'pb', runner, 'f:run', runner)
        rc('LPUSH', queue .. 'active', id)
        rc('SET', jobKey .. ':lock', runner, 'PX', lockMs)
        begun = true
        return true
      end
    end
  end
end

local function accept(i)
  local id, fingerprint = ARGV[i], ARGV[i + 3]
  local jobKey, outcome = queue .. id, base .. ':outcome:' .. id
  if rc('EXISTS', jobKey, outcome) > 0 then
    local known = rc('HGET', jobKey, 'f:fp')
    if known then
      if known ~= fingerprint then return 'id-conflict' end
      addWaiter(jobKey)
      return 'accepted'
    end
    -- Every call has one: these are the remains of one that was removed, and nothing would ever come of joining them.
    rc('DEL', jobKey)
    known = rc('HGET', outcome, 'fp')
    if known then return known == fingerprint and 'accepted' or 'id-conflict' end
  end
  if pending >= maxPending then return 'queue-full' end
  local wait, priority, queueTimeout = tonumber(ARGV[i + 4]), tonumber(ARGV[i + 5]), tonumber(ARGV[i + 6])
  local deadlineIn, deadline = tonumber(ARGV[i + 7]), tonumber(ARGV[i + 8])
  if deadline == 0 and deadlineIn > 0 then deadline = now + deadlineIn end
  local due = deadline
  if queueTimeout > 0 and (due == 0 or now + wait + queueTimeout < due) then due = now + wait + queueTimeout end
  -- In one write, the first one, which a full Redis may refuse. What is 0 or empty is left out: each field costs when it is written, and when
  -- the job goes.
  local fields = { 'name', ARGV[i + 1], 'data', ARGV[i + 2], 'opts', '{"attempts":1}', 'timestamp', now, 'f:gen', 1, 'f:fp', fingerprint,
    'f:ttl', ARGV[i + 9], 'f:fttl', ARGV[i + 10], 'f:rel', release, 'f:since', now + wait }
  local function add(name, value) fields[#fields + 1], fields[#fields + 2] = name, value end
  if wait > 0 then add('delay', wait) end
  if priority > 0 then add('priority', priority) end
  if queueTimeout > 0 then add('f:qt', queueTimeout) end
  if deadline > 0 then add('f:dl', deadline) end
  if ARGV[i + 11] == '1' then add('f:fail', '1') end
  if paused > 0 then add('f:pz', paused) end
  if waiter ~= '' then
    add('f:w', waiter)
    if fingerprint == '' then add('f:own', waiter) end
  end
  rc('HSET', jobKey, unpack(fields))
  if #ARGV[i + 14] > 0 then
    rc('SET', base .. ':args:' .. id, ARGV[i + 14])
    rc('ZADD', base .. ':large', now, id)
    rc('HSET', jobKey, 'f:args', 1)
  end
  if due > 0 then rc('ZADD', base .. ':expiry', due, id) end
  if ARGV[i + 12] ~= '' then
    rc('HSET', jobKey, 'f:link', ARGV[i + 12])
    rc('ZADD', base .. ':linked', now, id)
  end
  if ARGV[i + 13] ~= '' then
    rc('HSET', jobKey, 'f:up', ARGV[i + 13])
    -- Calls of this pool await calls of this pool: it may come to wait for itself.
    if rc('EXISTS', queue .. ARGV[i + 13]) == 1 then rc('SET', base .. ':nests', 1, 'PX', 3600000) end
  end
  local names = ARGV[i + 15] ~= '' and declareLimits(jobKey, ARGV[i + 15], release, i)
  local refusing = names and wait == 0 and gate.enter(base, names, id, 0)
  if refusing then
    pending = pending + 1
    gate.hold(queue, base, refusing, id, jobKey)
    return 'accepted'
  end
  if wait == 0 and waiting == 0 and isHandedOver and ARGV[i + 11] ~= '1' and #ARGV[i + 2] <= MOST_PUSHED
    and handOver(id, jobKey, ARGV[i + 2], queueTimeout, deadline) then
    if names then
      gate.enter(base, names, id, now)
      gate.passed(queue, base, names, id, jobKey, false)
    end
    return 'accepted'
  end
  pending = pending + 1
  if wait > 0 then
    rc('ZADD', queue .. 'delayed', (now + wait) * 0x1000, id)
    local first = rc('ZRANGE', queue .. 'delayed', 0, 0, 'WITHSCORES')
    wakeAt(math.floor(tonumber(first[2]) / 0x1000))
  else
    enqueue(id, priority, false)
    waiting = waiting + 1
    if not woken then
      wake()
      woken = true
    end
  end
  return 'accepted'
end

local unreadable = attempt(look)
local replies = {}
for i = 5, #ARGV, 16 do
  replies[#replies + 1] = unreadable or attempt(accept, i)
end
if unreadable then return replies end
if begun then noteStart(release) end
if refused then replies[#replies + 1] = 'refused' end
-- BullMQ's own classes trim the queue's events by it.
if not meta[2] then rc('HSETNX', queue .. 'meta', 'opts.maxLenEvents', 1000) end
if string.byte(waiter) == 112 and rc('XLEN', base .. ':reply:' .. waiter) > 0 then replies[#replies + 1] = 'unread' end
return replies
