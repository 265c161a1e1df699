-- How long the pool has been paused in all: time in which nobody waits. Read once a script.
local pausedMs
local function pausedFor()
  if pausedMs then return pausedMs end
  local p = rc('HMGET', base .. ':pause', 'since', 'total')
  -- What is no number counts as nothing: an error here would end every script of the pool.
  local total = tonumber(p[2] or '0') or 0
  if p[1] then total = total + (now - (tonumber(p[1]) or now)) end
  pausedMs = total
  return total
end

-- A new period of waiting begins, at once or when a delay is over.
local function startWaiting(jobKey, from)
  rc('HSET', jobKey, 'f:since', from or now, 'f:pz', pausedFor())
end

-- To the head of the queue, or to its tail.
local function enqueue(id, priority, head)
  if priority > 0 then
    local count = head and 0 or rc('INCR', queue .. 'pc') % 0x100000000
    rc('ZADD', queue .. 'prioritized', priority * 0x100000000 + count, id)
  else
    rc(head and 'RPUSH' or 'LPUSH', queue .. 'wait', id)
  end
end

-- Wakes one runner that waits for work that nobody hands over.
local function wake()
  rc('ZADD', queue .. 'marker', 0, '0')
end

local function wakeAt(due)
  rc('ZADD', queue .. 'marker', due, '1')
end
