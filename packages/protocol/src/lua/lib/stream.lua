-- The items that a call yields. Needs clock. Three keys of each: what is known of the stream (`stream`, a hash; its name is also the channel of its
-- hints), its batches by their first index (`chunks`, each as "first count attempt end", `end` being bytes since the beginning), and what they hold (`items`).
--   gen  generation;  at  attempt of the newest batch;  next  index after the newest item;  end  bytes so far
--   read  index after the last item that any reader was given;  acked / ackedBytes  what its owner is done with
--   run  the runner that writes;  waits  '1' while the function waits for its reader
local function streamKeys(id)
  return base .. ':stream:' .. id, base .. ':chunks:' .. id, base .. ':items:' .. id
end

local function parseChunk(chunk)
  local first, count, ats, upTo = string.match(chunk, '^(%d+) (%d+) (%d+) (%d+)$')
  return tonumber(first), tonumber(count), ats, tonumber(upTo)
end

local function expireStream(id, ms)
  local stream, chunks, items = streamKeys(id)
  for _, key in ipairs({ stream, chunks, items }) do rc('PEXPIRE', key, ms) end
end

-- Takes the oldest batches away, those that end at or before this point.
local function dropItems(id, bytes)
  local _, chunks, items = streamKeys(id)
  while true do
    local oldest = rc('ZRANGE', chunks, 0, 15)
    if #oldest == 0 then return end
    for _, chunk in ipairs(oldest) do
      local first, _, _, upTo = parseChunk(chunk)
      if upTo > bytes then return end
      rc('ZREM', chunks, chunk)
      rc('HDEL', items, first)
    end
  end
end

-- Adds a batch where the last one ended. One that stands there already is left as it is; what would leave a gap is refused.
-- @param kind 'r' when the function can go on where it stopped, else '1'
-- @returns whether it stands there now
local function appendItems(id, jobKey, gen, ats, kind, first, count, body)
  local stream, chunks, items = streamKeys(id)
  local m = rc('HMGET', stream, 'gen', 'next', 'end')
  local from, bytes = tonumber(m[2] or '0'), tonumber(m[3] or '0')
  if m[1] ~= gen then
    if first > 0 then return false end
    from, bytes = 0, 0
    rc('DEL', stream, chunks, items)
    rc('HSET', stream, 'gen', gen, 'read', 0, 'acked', 0, 'ackedBytes', 0, 'seen', now)
    rc('HSET', jobKey, 'f:st', kind)
  end
  if first + count <= from and first < from then return true end
  if first ~= from then return false end
  bytes = bytes + #body
  rc('HSET', items, first, body)
  rc('ZADD', chunks, first, string.format('%d %d %s %d', first, count, ats, bytes))
  rc('HSET', stream, 'next', first + count, 'end', bytes, 'at', ats)
  return true
end

-- A call that has yielded is to run again: from the beginning while nobody has read of it, for then nobody can tell; else from where it stands,
-- when its function can.
-- @param kind as in appendItems
-- @returns the index at which to begin, or -1 and less the items that there are when it must not run again
local function rewind(id, gen, kind)
  local stream, chunks, items = streamKeys(id)
  local m = rc('HMGET', stream, 'gen', 'read', 'next')
  -- Lost, or run out: nobody knows what was read.
  if m[1] ~= gen then return -1 end
  if m[2] == '0' then
    rc('DEL', chunks, items)
    rc('HSET', stream, 'next', 0, 'end', 0)
    return 0
  end
  local from = tonumber(m[3])
  return kind == 'r' and from or -1 - from
end

-- The last batch, with its outcome. `tail` is "first count kind ttl", a line break, and the batch; without one, the stream ends where it stands.
local function endStream(id, jobKey, gen, ats, tail)
  local at = string.find(tail, '\n', 1, true)
  local first, count, kind, ttl = string.match(string.sub(tail, 1, at - 1), '^(%d+) (%d+) (%S+) (%d+)$')
  if at < #tail then appendItems(id, jobKey, gen, ats, kind, tonumber(first), tonumber(count), string.sub(tail, at + 1)) end
  expireStream(id, ttl)
  local stream = streamKeys(id)
  if rc('EXISTS', stream) == 1 then rc('HDEL', stream, 'waits', 'run') end
  pcall(rc, 'PUBLISH', stream, 'end')
end
