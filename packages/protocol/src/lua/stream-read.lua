-- Gives a reader the batches from an index on. What it was given counts as read, from then on and for whoever runs the call again.
-- uses: clock stream
-- keys: the queue's prefix
-- arguments: id, generation or '' for whichever there is, index, most bytes (one batch is always given), '1' for its owner, and then: index after the last item that
--   it is done with, bytes up to there, bytes that are kept of what it is done with, '1' when it has read the end
-- reply: 'none', or 'other' and the generation that there is, or 'gone' and the first index that there is, or 'items', generation, index after the newest item, and for each
--   batch "first count attempt end" and its bytes
local id, gen, from, most, owner = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5] == '1'
local stream, chunks, items = streamKeys(id)
local m = rc('HMGET', stream, 'gen', 'next', 'read', 'acked', 'run')
if not m[1] then return { 'none' } end
if gen ~= '' and m[1] ~= gen then return { 'other', m[1] } end
if owner then
  local acked = tonumber(ARGV[6])
  rc('HSET', stream, 'seen', now)
  if acked > tonumber(m[4]) then
    rc('HSET', stream, 'acked', acked, 'ackedBytes', ARGV[7])
    dropItems(id, tonumber(ARGV[7]) - tonumber(ARGV[8]))
    if m[5] then pcall(rc, 'PUBLISH', base .. ':flow:' .. m[5], id) end
  end
  if ARGV[9] == '1' then
    for _, key in ipairs({ chunks, items }) do
      local left = rc('PTTL', key)
      if left > 60000 then rc('PEXPIRE', key, 60000) end
    end
  end
end
local nextIndex = tonumber(m[2] or '0')
local before, begin = rc('ZRANGE', chunks, from, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, 1)[1], from
if before then
  local first, count = parseChunk(before)
  if first + count > from then begin = first end
end
local found = rc('ZRANGE', chunks, begin, '+inf', 'BYSCORE', 'LIMIT', 0, 64)
local oldest = found[1] and parseChunk(found[1])
if from < nextIndex and (not oldest or oldest > from) then return { 'gone', oldest or nextIndex } end
local reply, bytes, read = { 'items', m[1], nextIndex }, 0, tonumber(m[3])
for _, chunk in ipairs(found) do
  local first, count = parseChunk(chunk)
  local body = rc('HGET', items, first)
  if not body or (bytes > 0 and bytes + #body > most) then break end
  bytes = bytes + #body
  reply[#reply + 1] = chunk
  reply[#reply + 1] = body
  read = math.max(read, first + count)
end
if read > tonumber(m[3]) then rc('HSET', stream, 'read', read) end
return reply
