-- Limits hold where a call begins. A key of a limit is a gate, named by two hashes, `<limit>.<key>`; a call has up to two (`f:lim`), and
-- comes through all of them or through none. Also in front of our older scripts, so it needs nothing else. For each gate:
--   places:<gate>  calls that have come through: 0 while one waits in the queue, Redis ms from when it was begun
--   held:<gate>    calls that wait for a place, by priority, then those that had begun before, then age; they stand in `delayed` too
-- and for all of them: `gates`, by how many calls each has; `limits`, the numbers (see gate.most).
local gate = {}

-- Of a held call in `delayed`: never due, and the same for all.
local HELD_SCORE = '9007199254740991'
-- In front of the id: priority, whether it is new, its age, and a number for those of one millisecond.
local MEMBER = '%07d%d%015d%016d'
local MEMBER_PREFIX = 39
-- Most calls that one release admits; the sweep does the rest.
local MOST_ADMITTED = 100

-- What an operator has set for the key, or for the limit, or what the newest release has declared.
-- @returns how many may have begun; no bound where nobody names the limit any more
function gate.most(base, name)
  local limit = string.match(name, '^[^.]*')
  local n = redis.call('HMGET', base .. ':limits', 'set ' .. name, 'set ' .. limit, limit)
  return tonumber(n[1] or n[2] or n[3] or '') or math.huge
end

-- A release that is newer than the one that has declared the number, or the same, declares another. Releases are as old as their first
-- declaration.
function gate.declare(base, clock, release, limit, most, label)
  local key = base .. ':limits'
  local n = redis.call('HMGET', key, limit, 'by ' .. limit)
  if n[1] == most and n[2] == release then return end
  local releases = base .. ':limit-releases'
  redis.call('ZADD', releases, 'NX', clock[1] * 1000000 + clock[2], release)
  local own, other = redis.call('ZSCORE', releases, release), n[2] and redis.call('ZSCORE', releases, n[2])
  if other and tonumber(other) > tonumber(own) then return end
  redis.call('HSET', key, limit, most, 'by ' .. limit, release, 'label ' .. limit, label)
  redis.call('ZREMRANGEBYRANK', releases, 0, -51)
end

-- A gate with nobody in it and nobody before it leaves nothing.
local function weigh(base, name)
  local load = redis.call('ZCARD', base .. ':places:' .. name) + redis.call('ZCARD', base .. ':held:' .. name)
  if load == 0 then redis.call('ZREM', base .. ':gates', name) else redis.call('ZADD', base .. ':gates', load, name) end
end

-- @param mark 0 when it comes to the queue, Redis ms when it begins
-- @param isNext whether those that are held there already stand behind it
-- @returns the gate that refuses it, or nothing: it has a place in each of them
function gate.enter(base, names, id, mark, isNext)
  for name in string.gmatch(names, '%S+') do
    local places = base .. ':places:' .. name
    if not redis.call('ZSCORE', places, id) then
      if redis.call('ZCARD', places) >= gate.most(base, name) then return name end
      local first = not isNext and redis.call('ZRANGE', base .. ':held:' .. name, 0, 0)[1]
      if first and string.sub(first, MEMBER_PREFIX + 1) ~= id then return name end
    end
  end
  for name in string.gmatch(names, '%S+') do
    redis.call('ZADD', base .. ':places:' .. name, mark, id)
    weigh(base, name)
  end
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
  for i = 1, 6 do n[i] = tonumber(f[i] or '') or 0 end
  local number = tonumber(f[7] or '')
  if not number then
    number = redis.call('INCR', base .. ':held-calls')
    redis.call('HSET', jobKey, 'f:turn', number)
  end
  local isNew = n[4] - n[5] - n[6] <= 0
  local at = n[2] > 0 and n[2] or n[3]
  local member = string.format(MEMBER, n[1], isNew and 1 or 0, at, number) .. id
  redis.call('ZADD', base .. ':held:' .. name, 0, member)
  redis.call('HSET', jobKey, 'f:held', name .. ' ' .. member)
  redis.call('ZADD', queue .. 'delayed', HELD_SCORE, id)
  weigh(base, name)
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
  local places, held, most = base .. ':places:' .. name, base .. ':held:' .. name, gate.most(base, name)
  local admitted, moved = 0, false
  for _ = 1, MOST_ADMITTED do
    local member = redis.call('ZCARD', places) < most and redis.call('ZRANGE', held, 0, 0)[1]
    if not member then break end
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

-- Whether it has begun, as far as its gates know.
function gate.hasBegun(base, names, id)
  local name = string.match(names or '', '%S+')
  return name and (tonumber(redis.call('ZSCORE', base .. ':places:' .. name, id) or '0') or 0) > 0
end
