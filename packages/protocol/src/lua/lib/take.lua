-- Picking calls up. Needs clock, waiting, parking, history, gate, limits and stream.
-- needs: stream

-- Paused, or as many active as BullMQ's global concurrency allows.
local stopped
local function isStopped()
  if stopped == nil then
    local meta = rc('HMGET', queue .. 'meta', 'paused', 'concurrency')
    stopped = meta[1] and true or false
    if meta[2] and rc('LLEN', queue .. 'active') >= tonumber(meta[2]) then return true end
  end
  return stopped
end

local function jobPriority(jobKey)
  return tonumber(rc('HGET', jobKey, 'priority') or '0') or 0
end

-- Once a script: delayed calls that are due, and one that waits for a runner of this release, come to the queue. Most pools
-- have none of these, and learn so by one command.
local promoted, others = false, false
local function promote(release)
  promoted = true
  if rc('EXISTS', queue .. 'delayed', queue .. 'prioritized') == 0 then return end
  others = true
  unpark(release, jobPriority)
  local due = rc('ZRANGEBYSCORE', queue .. 'delayed', 0, (now + 1) * 0x1000 - 1, 'LIMIT', 0, 1000)
  if #due == 0 then return end
  rc('ZREM', queue .. 'delayed', unpack(due))
  for _, id in ipairs(due) do
    enqueue(id, jobPriority(queue .. id), false)
    rc('HSET', queue .. id, 'delay', 0)
  end
end

-- @returns the next id, which stands in `active` now
local function nextId()
  local id = rc('RPOPLPUSH', queue .. 'wait', queue .. 'active')
  -- Markers of BullMQ's own of before its version 5.
  while id and string.sub(id, 1, 2) == '0:' do
    rc('LREM', queue .. 'active', 1, id)
    id = rc('RPOPLPUSH', queue .. 'wait', queue .. 'active')
  end
  if not id then
    id = others and rc('ZPOPMIN', queue .. 'prioritized')[1]
    if not id then return false end
    rc('LPUSH', queue .. 'active', id)
  end
  return id
end

-- Most calls that one script takes from the queue and holds for their limits. There are so many only when somebody has promoted them.
local MOST_HELD = 200
local heldNow = 0

local function counted(text)
  local n = tonumber(text)
  return n and n >= 0 and n < 9007199254740991 and math.floor(n) or 0
end

-- @returns what the runner must know of the call before it runs anything (see reply `taken`), or false when there is none
local function take(runner, release, lockMs, mostData)
  if isStopped() then return false end
  if not promoted then promote(release) end
  local id, jobKey, size = nextId(), false, 0
  while id do
    jobKey = queue .. id
    -- Data that no caller of ours has written is not handed out: one read of it could be more than a runner's memory.
    size = rc('HSTRLEN', jobKey, 'data')
    if size > 0 or rc('EXISTS', jobKey) == 1 then break end
    -- Ids whose jobs are gone.
    rc('LREM', queue .. 'active', 1, id)
    id = nextId()
  end
  if not id then return false end
  if size > mostData then rc('HSET', jobKey, 'data', 'null', 'f:size', size) end
  local f = rc('HMGET', jobKey, 'data', 'atm', 'f:gen', 'f:base', 'f:loss', 'f:kill', 'f:late', 'f:cancel', 'f:fail', 'f:dl',
    'f:since', 'f:pz', 'f:qt', 'f:size', 'f:run', 'f:rel', 'f:park', 'f:back', 'f:lim', 'f:held', 'ats', 'f:token', 'f:st')
  if f[19] and not passes(id, jobKey, f[19], { park = f[17], held = f[20], token = f[22] }) then
    heldNow = heldNow + 1
    if heldNow < MOST_HELD then return take(runner, release, lockMs, mostData) end
    wake()
    return false
  end
  local ats = counted(f[21]) + 1
  -- Every orderly end takes the runner's name away: that it stands there still means that the runner was lost.
  local losses = f[5] or 0
  if f[15] then
    losses = count(jobKey, 'f:loss')
    note(jobKey, 'its runner was lost')
  end
  rc('HSET', jobKey, 'ats', ats, 'processedOn', now, 'pb', runner, 'f:run', runner)
  rc('SET', jobKey .. ':lock', runner, 'PX', lockMs)
  if f[17] then leaveParking(id, jobKey) end
  if f[16] then noteStart(f[16]) end
  local settled = 0
  if ats > 1 and f[3] and rc('HGET', base .. ':outcome:' .. id, 'gen') == f[3] then settled = 1 end
  local streamFrom = f[23] and settled == 0 and f[3] and rewind(id, f[3], f[23]) or 0
  local waited = now - (tonumber(f[11] or now) or now) - (pausedFor() - (tonumber(f[12] or '0') or 0))
  return { cjson.encode({ id, ats, tostring(now), f[3] or '', f[2] or 0, f[4] or 0, f[18] or 0, losses, f[6] or 0, f[7] or 0,
    f[8] and 1 or 0, f[8] or '', f[9] or 0, f[10] or 0, tostring(waited), f[13] or 0, f[14] or 0, settled, streamFrom }), f[1] or '' }
end

-- @returns ms until the next delayed call is due, -1 for none
local function nextDelayed()
  if promoted and not others then return '-1' end
  local first = rc('ZRANGE', queue .. 'delayed', 0, 0, 'WITHSCORES')
  return first[2] and tostring(math.max(0, math.floor(tonumber(first[2]) / 0x1000) - now)) or '-1'
end
