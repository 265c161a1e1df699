-- Due times and heartbeats are Redis' time; no runner's or caller's own clock is used.
-- The command that failed is named where Redis does not do so (`attempt`).
local command
local function rc(name, ...)
  command = name
  return redis.call(name, ...)
end
local clock = rc('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local queue = KEYS[1]
local base = string.match(queue, '^(%b{})')

-- A count that is no number begins anew: it must not keep the call from being picked up.
local function count(jobKey, field)
  local n = redis.pcall('HINCRBY', jobKey, field, 1)
  if type(n) == 'number' then return n end
  rc('HSET', jobKey, field, 1)
  return 1
end
