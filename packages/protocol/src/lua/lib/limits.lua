-- Calls under limits, where they are accepted and picked up. Needs clock and gate.

-- @param text what the caller says of its limits, as JSON: `gates`, `keys` (for people), and for each limit its number and its name
-- @param index of those that are accepted in this step
-- @returns its gates
local function declareLimits(jobKey, text, release, index)
  local given = cjson.decode(text)
  for _, d in ipairs(given.declared) do gate.declare(base, clock, release, d[1], tostring(d[2]), d[3], d[4]) end
  rc('HSET', jobKey, 'f:lim', given.gates, 'f:keys', given.keys, 'f:turn', string.format('%d', clock[1] * 1000000 + clock[2] + index))
  return given.gates
end

-- Whether a call that was taken from the queue may begin. If not it is held, and this was no pick-up.
-- @param names its gates
local function passes(id, jobKey, names, f)
  local refusing = gate.enter(base, names, id, now, false, (tonumber(f.token or '') or 0) > now)
  if not refusing then
    if f.token then rc('HDEL', jobKey, 'f:token') end
    gate.passed(queue, base, names, id, jobKey, f.held)
    return true
  end
  rc('LREM', queue .. 'active', 1, id)
  if f.park then leaveParking(id, jobKey) end
  gate.refuse(queue, base, refusing, names, id, jobKey)
  return false
end
