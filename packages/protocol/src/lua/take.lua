-- Picks calls up for a runner, and offers the slots for which there is none.
-- uses: clock waiting starts parking history tokens gate limits take hand-over
-- keys: the queue's prefix
-- arguments: runner, its release, ms of a lock, most bytes of data, how many slots offer nothing, how many of the following numbers stand among
--   the offers already, then a number for each slot that offers
-- reply: ms until the next delayed call (-1: none), list of `taken`, numbers of the slots that got one, numbers of offers that somebody has taken
-- a call is two texts, for each text of a reply costs both sides: what is known of it as a JSON list, and its data
-- taken: id ats at generation attemptsMade attemptsBefore handedBack runnerLosses executorKills lateFaults isCancelled cancelReason failOnLoss deadlineAt waitedMs queueTimeoutMs oversizeBytes settled streamFrom
local runner, release, lockMs, mostData = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local plain, listed = tonumber(ARGV[5]), tonumber(ARGV[6])
local calls, filled, gone = {}, {}, {}
local isEmpty = false

local function takeNext()
  local call = not isEmpty and take(runner, release, lockMs, mostData)
  isEmpty = not call
  calls[#calls + 1] = call or nil
  return not isEmpty
end

for _ = 1, plain do takeNext() end
for i = 7, #ARGV do
  local number, isListed = ARGV[i], i < 7 + listed
  if isListed and not isOffered(runner, number) then gone[#gone + 1] = number
  elseif takeNext() then
    filled[#filled + 1] = number
    if isListed then withdraw(runner, number) end
  elseif not isListed then offer(runner, number) end
end
-- Whoever was woken takes what it can; what is left is for the next one.
if not isEmpty and not isStopped() and rc('EXISTS', queue .. 'wait', queue .. 'prioritized') > 0 then wake() end
return { nextDelayed(), calls, filled, gone }
