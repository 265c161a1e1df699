-- A call that waits for a runner of its release stands among the delayed ones, and in an index by release: no runner that cannot
-- take it meets it again before the delay is over, and the pick-up that found this out is not counted. Unless its pool is strict, it
-- stands in an index by function as well: it is offered to every release that is not known to lack that one.
local function park(id, jobKey, how)
  -- It has not begun a new period of waiting.
  rc('HSET', jobKey, 'f:park', how.wanted, 'f:pat', now, 'f:found', how.found, 'f:why', how.why)
  count(jobKey, 'f:base')
  rc('ZADD', base .. ':parked:' .. how.wanted, now, id)
  if how.why ~= 'strict' then
    local fn = rc('HGET', jobKey, 'name') or ''
    rc('SADD', base .. ':lacks:' .. fn, how.found)
    rc('PEXPIRE', base .. ':lacks:' .. fn, 604800000)
    rc('ZADD', base .. ':parkedfn:' .. fn, now, id)
    rc('SADD', base .. ':parkedfns', fn)
  end
  for _, seen in ipairs({ ':releases', ':called' }) do rc('ZREMRANGEBYRANK', base .. seen, 0, -51) end
  pcall(rc, 'PUBLISH', base .. ':control',
    cjson.encode({ type = 'parked', release = how.wanted, found = how.found, why = how.why }))
end

local function leaveParking(id, jobKey)
  local f = rc('HMGET', jobKey, 'f:park', 'name')
  if not f[1] then return end
  local byFunction = base .. ':parkedfn:' .. (f[2] or '')
  rc('ZREM', base .. ':parked:' .. f[1], id)
  rc('ZREM', byFunction, id)
  if rc('EXISTS', byFunction) == 0 then rc('SREM', base .. ':parkedfns', f[2] or '') end
  rc('HDEL', jobKey, 'f:park', 'f:pat', 'f:found', 'f:why')
end

local function unparkFrom(index, priorityOf)
  for _ = 1, 100 do
    local id = rc('ZPOPMIN', index)[1]
    if not id then return false end
    if rc('ZREM', queue .. 'delayed', id) == 1 then
      enqueue(id, priorityOf(queue .. id), true)
      rc('HSET', queue .. id, 'delay', 0)
      return true
    end
  end
  return false
end

-- Before a runner takes the next call: one that waits for its release, or for a function that its release may have, comes to the
-- head of the queue.
local function unpark(release, priorityOf)
  if unparkFrom(base .. ':parked:' .. release, priorityOf) then return end
  for _, fn in ipairs(rc('SRANDMEMBER', base .. ':parkedfns', 20)) do
    if rc('SISMEMBER', base .. ':lacks:' .. fn, release) == 0 and unparkFrom(base .. ':parkedfn:' .. fn, priorityOf) then return end
  end
end
