-- Limits hold where a call begins. A key of a limit is a gate, named by two hashes, `<limit>.<key>`; a call has up to two (`f:lim`), and
-- comes through all of them or through none. Also in front of our older scripts, so it needs nothing but tokens. For each gate:
--   places:<gate>  calls that have come through: 0 while one waits in the queue, Redis ms from when it was begun
--   held:<gate>    calls that wait for a place, by priority, then those that had begun before, then age; they stand in `delayed` too
-- and for all of them: `gates`, by how many calls each has; `limits`, the numbers (see gate.numbers).
local gate = {}

-- Of a held call in `delayed`: never due, and the same for all, but for the first of a key that waits for a token.
local HELD_SCORE = '9007199254740991'
-- In front of the id: priority, whether it is new, its age, and a number for those of one millisecond.
local MEMBER = '%07d%d%015d%016d'
local MEMBER_PREFIX = 39
-- Most calls that one release admits; the sweep does the rest.
local MOST_ADMITTED = 100

-- What an operator has set for the key, or for the limit, or what the newest release has declared.
-- @returns how many may have begun, without bound where nobody names the limit any more; and the rate at which they may begin, if any
function gate.numbers(base, name)
  local limit = string.match(name, '^[^.]*')
  local n = redis.call('HMGET', base .. ':limits', 'set ' .. name, 'set ' .. limit, limit, 'rate ' .. limit)
  return tonumber(n[1] or n[2] or n[3] or '') or math.huge, tokens.parse(n[4])
end

-- A release that is newer than the one that has declared the number, or the same, declares another. Releases are as old as their first
-- declaration.
-- @param most '' for any number; rate '' for none
function gate.declare(base, clock, release, limit, most, label, rate)
  local key = base .. ':limits'
  local n = redis.call('HMGET', key, limit, 'by ' .. limit, 'rate ' .. limit)
  if n[1] == most and n[2] == release and n[3] == rate then return end
  local releases = base .. ':limit-releases'
  redis.call('ZADD', releases, 'NX', clock[1] * 1000000 + clock[2], release)
  local own, other = redis.call('ZSCORE', releases, release), n[2] and redis.call('ZSCORE', releases, n[2])
  if other and tonumber(other) > tonumber(own) then return end
  redis.call('HSET', key, limit, most, 'by ' .. limit, release, 'label ' .. limit, label, 'rate ' .. limit, rate)
  redis.call('ZREMRANGEBYRANK', releases, 0, -51)
end

-- A gate with nobody in it and nobody before it leaves nothing.
local function weigh(base, name)
  local load = redis.call('ZCARD', base .. ':places:' .. name) + redis.call('ZCARD', base .. ':held:' .. name)
  if load == 0 then redis.call('ZREM', base .. ':gates', name) else redis.call('ZADD', base .. ':gates', load, name) end
end

-- Tokens that are not meant for calls which stand in the queue already.
local function spare(base, name, rate)
  local free, at = tokens.look(base, name, rate)
  return free - redis.call('ZCOUNT', base .. ':places:' .. name, 0, 0), at
end

-- @param mark 0 when it comes to the queue, Redis ms when it begins: then it takes a token, too
-- @param isNext whether those that are held there already stand behind it
-- @param hasToken whether it has taken one a moment ago, and nothing of it has begun
-- @returns the gate that refuses it, or nothing: it has a place in each of them
function gate.enter(base, names, id, mark, isNext, hasToken)
  local rates = {}
  for name in string.gmatch(names, '%S+') do
    local places = base .. ':places:' .. name
    local place, most, rate = redis.call('ZSCORE', places, id), gate.numbers(base, name)
    if not place then
      if redis.call('ZCARD', places) >= most then return name end
      local first = not isNext and redis.call('ZRANGE', base .. ':held:' .. name, 0, 0)[1]
      if first and string.sub(first, MEMBER_PREFIX + 1) ~= id then return name end
    -- The number was lowered after it had come to the queue.
    elseif place == '0' and mark > 0 and redis.call('ZCOUNT', places, '(0', '+inf') >= most then return name end
    if rate and not hasToken then
      -- One that stands in the queue is among those for which tokens are kept.
      if place and mark > 0 then
        if tokens.look(base, name, rate) < 1 then return name end
      elseif not place and spare(base, name, rate) < 1 then return name end
      rates[name] = rate
    end
  end
  for name in string.gmatch(names, '%S+') do
    -- What has begun once stays so.
    if mark > 0 then redis.call('ZADD', base .. ':places:' .. name, mark, id)
    else redis.call('ZADD', base .. ':places:' .. name, 'NX', 0, id) end
    if mark > 0 and rates[name] then tokens.take(base, name, rates[name], id) end
    weigh(base, name)
  end
end

-- The first of a key that waits for a token is due when the next one comes: whoever moves what is due brings it to the queue.
local function arm(queue, base, name)
  local most, rate = gate.numbers(base, name)
  local first = rate and redis.call('ZCARD', base .. ':places:' .. name) < most and redis.call('ZRANGE', base .. ':held:' .. name, 0, 0)[1]
  if not first then return end
  local _, at = tokens.look(base, name, rate)
  if at == math.huge then return end
  local id = string.sub(first, MEMBER_PREFIX + 1)
  if redis.call('ZADD', queue .. 'delayed', 'XX', 'CH', at * 0x1000, id) == 1 then redis.call('ZADD', queue .. 'marker', at, '1') end
end

-- @returns the gate before which it was held
local function unhold(base, id, jobKey)
  local held = redis.call('HGET', jobKey, 'f:held')
  if not held then return end
  local name, member = string.match(held, '^(%S+) (.+)$')
  redis.call('HDEL', jobKey, 'f:held')
  if not name then return end
  redis.call('ZREM', base .. ':held:' .. name, member)
  weigh(base, name)
  return name
end

-- It waits before this gate, among the delayed calls. No new period of waiting begins.
function gate.hold(queue, base, name, id, jobKey)
  unhold(base, id, jobKey)
  local f = redis.call('HMGET', jobKey, 'priority', 'f:asked', 'timestamp', 'ats', 'f:base', 'f:back', 'f:turn')
  local n = {}
  for i = 1, 7 do n[i] = tonumber(f[i] or '') or 0 end
  local isNew = n[4] - n[5] - n[6] <= 0
  local at = n[2] > 0 and n[2] or n[3]
  local member = string.format(MEMBER, n[1], isNew and 1 or 0, at, n[7]) .. id
  redis.call('ZADD', base .. ':held:' .. name, 0, member)
  redis.call('HSET', jobKey, 'f:held', name .. ' ' .. member)
  redis.call('ZADD', queue .. 'delayed', HELD_SCORE, id)
  weigh(base, name)
  arm(queue, base, name)
end

-- To the head of the queue if it was accepted before the call that stands there, else to the tail.
local function lineUp(queue, id, priority, timestamp)
  local first = priority > 0 and redis.call('ZRANGE', queue .. 'prioritized', 0, 0)[1] or redis.call('LINDEX', queue .. 'wait', -1)
  local isOlder = not first or timestamp < (tonumber(redis.call('HGET', queue .. first, 'timestamp') or '') or 0)
  if priority > 0 then
    local count = isOlder and 0 or redis.call('INCR', queue .. 'pc') % 0x100000000
    redis.call('ZADD', queue .. 'prioritized', priority * 0x100000000 + count, id)
  else
    redis.call(isOlder and 'RPUSH' or 'LPUSH', queue .. 'wait', id)
  end
end

-- Those that are held there come to the queue while there are places. One for which another of its gates is full is held there from then on.
-- @returns how many came to the queue
function gate.admit(queue, base, name)
  local places, held = base .. ':places:' .. name, base .. ':held:' .. name
  local most, rate = gate.numbers(base, name)
  local admitted, moved = 0, false
  for _ = 1, MOST_ADMITTED do
    local member = redis.call('ZCARD', places) < most and redis.call('ZRANGE', held, 0, 0)[1]
    if not member or (rate and spare(base, name, rate) < 1) then break end
    redis.call('ZREM', held, member)
    moved = true
    local id = string.sub(member, MEMBER_PREFIX + 1)
    local jobKey = queue .. id
    local f = redis.call('HMGET', jobKey, 'f:lim', 'f:held', 'priority', 'timestamp')
    -- Else it was removed by somebody who knows nothing of us.
    if f[1] and f[2] == name .. ' ' .. member then
      redis.call('HDEL', jobKey, 'f:held')
      local refusing = gate.enter(base, f[1], id, 0, true)
      if refusing then gate.hold(queue, base, refusing, id, jobKey)
      elseif redis.call('ZREM', queue .. 'delayed', id) == 1 then
        lineUp(queue, id, tonumber(f[3] or '') or 0, tonumber(f[4] or '') or 0)
        admitted = admitted + 1
      end
    end
  end
  if moved then weigh(base, name) end
  if rate then arm(queue, base, name) end
  if admitted > 0 and redis.call('HEXISTS', queue .. 'meta', 'paused') == 0 then redis.call('ZADD', queue .. 'marker', 0, '0') end
  return admitted
end

-- It gives up its places, or no longer waits for one, and the next ones come to the queue.
function gate.leave(queue, base, names, id, jobKey)
  local before = unhold(base, id, jobKey)
  for name in string.gmatch(names, '%S+') do
    local had = redis.call('ZREM', base .. ':places:' .. name, id) == 1
    if had then weigh(base, name) end
    if had or name == before then gate.admit(queue, base, name) end
  end
end

-- As `leave`, within a step that must not fail for it: what is left undone, the sweep does.
function gate.release(queue, base, names, id, jobKey)
  if names then pcall(gate.leave, queue, base, names, id, jobKey) end
end

-- It has come through. What else may come through of those that are held, and when the next one may, has changed with it.
function gate.passed(queue, base, names, id, jobKey, wasHeld)
  if wasHeld then unhold(base, id, jobKey) end
  for name in string.gmatch(names, '%S+') do
    local _, rate = gate.numbers(base, name)
    if rate or wasHeld then gate.admit(queue, base, name) end
  end
end

-- It was to begin and may not: it is held. A place that it had in the queue alone is for others.
function gate.refuse(queue, base, refusing, names, id, jobKey)
  gate.hold(queue, base, refusing, id, jobKey)
  for name in string.gmatch(names, '%S+') do
    if redis.call('ZSCORE', base .. ':places:' .. name, id) == '0' then
      redis.call('ZREM', base .. ':places:' .. name, id)
      weigh(base, name)
      gate.admit(queue, base, name)
    end
  end
end

-- Whether it has begun, as far as its gates know.
function gate.hasBegun(base, names, id)
  local name = string.match(names or '', '%S+')
  return name and (tonumber(redis.call('ZSCORE', base .. ':places:' .. name, id) or '0') or 0) > 0
end
