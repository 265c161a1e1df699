-- Stores batches of what a call yields, and tells what has been read. By the newest attempt alone; a repeat changes nothing.
-- uses: clock stream
-- keys: the queue's prefix
-- arguments: id, generation, attempt, runner, 'r' when the function can go on where it stopped or '1', ms that it is kept, bytes that are kept of what nobody waits for,
--   its owner or '', '1' while the function waits for its reader; then for each batch: index of its first item, count, bytes
-- reply: 'ok', 'superseded' or 'gap'; index after the last item that its owner is done with; '1' when it has no owner (any more)
-- Twice as long as a caller takes to say again that it lives.
local SEEN_MS = 10000
local id, gen, ats, runner, kind = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local ttl, retention, owner, waits = ARGV[6], tonumber(ARGV[7]), ARGV[8], ARGV[9]
local jobKey, stream = queue .. id, streamKeys(id)
local f = rc('HMGET', jobKey, 'f:gen', 'ats', 'f:moved', 'finishedOn', 'f:run')
if f[1] ~= gen or f[2] ~= ats or f[3] == ats or (f[4] and not f[5]) then return { 'superseded', 0, '' } end
local whole = true
for i = 10, #ARGV, 3 do
  whole = whole and appendItems(id, jobKey, gen, ats, kind, tonumber(ARGV[i]), tonumber(ARGV[i + 1]), ARGV[i + 2])
end
if not whole then return { 'gap', 0, '' } end
local m = rc('HMGET', stream, 'gen', 'end', 'acked', 'seen')
-- Who reads is there, also where what says so was lost with Redis' memory.
local alone = owner == '' or (rc('EXISTS', base .. ':caller:' .. owner) == 0 and now - (tonumber(m[4] or '') or 0) >= SEEN_MS)
if m[1] ~= gen then return { 'ok', 0, alone and '1' or '' } end
rc('HSET', stream, 'run', runner, 'waits', waits)
if alone then dropItems(id, tonumber(m[2]) - retention) end
expireStream(id, ttl)
if #ARGV >= 10 then pcall(rc, 'PUBLISH', stream, 'more') end
return { 'ok', tonumber(m[3]), alone and '1' or '' }
