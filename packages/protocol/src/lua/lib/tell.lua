-- Telling who waits for a call. Also in front of our older scripts, so it needs nothing else.

-- How long a reply stands in its stream, and at least the outcome that it announces, for who is too busy to read it.
local AWAITED_MS = 3600000
-- More of a body does not travel in a push: what is pushed to a reader that is slow stands in the server's memory.
local MOST_PUSHED = 4096

-- Whether the server refused a push to this user: the right to the channel is missing.
local pushRefused = false

-- A waiter that begins with `p` listens on a channel of its own. While nobody hears that one, and for every other waiter, the reply
-- stands in a stream. What nobody hears or reads is found by looking.
-- @param head false for a call that was removed without an outcome
local function tell(base, waiter, id, gen, head, body, acknowledge)
  if string.byte(waiter) == 112 then
    local text = id .. ' ' .. gen .. ' -\n'
    if head then
      local pushed = body and #body <= MOST_PUSHED
      text = id .. ' ' .. gen .. ' ' .. #head .. (acknowledge and ' 1' or ' 0') .. (pushed and ' 1\n' or ' 0\n') .. head .. (pushed and body or '')
    end
    local sent, heard = pcall(redis.call, 'PUBLISH', base .. ':told:' .. waiter, text)
    if sent and heard > 0 then return end
    pushRefused = pushRefused or not sent
  end
  local reply = base .. ':reply:' .. waiter
  local fields = { 'id', id, 'gen', gen }
  local function add(name, value) fields[#fields + 1], fields[#fields + 2] = name, value end
  if head then add('head', head) else add('removed', '1') end
  if acknowledge then add('ack', '1') end
  if body then add('body', body) end
  redis.call('XADD', reply, '*', unpack(fields))
  redis.call('PEXPIRE', reply, AWAITED_MS)
end
