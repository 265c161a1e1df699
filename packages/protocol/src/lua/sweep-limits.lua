-- Looks through the gates of a pool: takes out calls that are gone, and admits what may come through. One process of a pool does so at a time.
-- uses: clock tokens gate
-- keys: the queue's prefix
-- arguments: cursor, most ids to look at, ms for which a sweep that begins keeps others from beginning one, release, then hash, number, name and
--   rate of each limit that it declares
-- reply: cursor of the next step, 0 at the end; places of calls that were gone; calls that came to the queue
local cursor, most = ARGV[1], tonumber(ARGV[2])
if cursor == '0' and not rc('SET', base .. ':limits-swept', 1, 'NX', 'PX', ARGV[3]) then return { '0', 0, 0 } end
if cursor == '0' then
  for i = 5, #ARGV, 4 do gate.declare(base, clock, ARGV[4], ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]) end
end

local function isGone(id, name)
  local f = rc('HMGET', queue .. id, 'f:lim', 'finishedOn', 'f:run')
  return not f[1] or (f[2] and not f[3]) or not string.find(' ' .. f[1] .. ' ', ' ' .. name .. ' ', 1, true)
end

local freed, admitted = 0, 0
-- What stands first in a gate is what is oldest: whatever is gone comes to stand there.
local function look(name, share)
  local places, held = base .. ':places:' .. name, base .. ':held:' .. name
  for _, id in ipairs(rc('ZRANGE', places, 0, share - 1)) do
    if isGone(id, name) then
      rc('ZREM', places, id)
      freed = freed + 1
    end
  end
  for _, member in ipairs(rc('ZRANGE', held, 0, share - 1)) do
    local id = string.sub(member, MEMBER_PREFIX + 1)
    if rc('HGET', queue .. id, 'f:held') ~= name .. ' ' .. member then rc('ZREM', held, member) end
  end
  weigh(base, name)
  admitted = admitted + gate.admit(queue, base, name)
end

local found = rc('ZSCAN', base .. ':gates', cursor, 'COUNT', 20)
local share = math.max(10, math.floor(most / math.max(1, #found[2])))
for i = 1, #found[2], 2 do look(found[2][i], share) end
return { found[1], freed, admitted }
