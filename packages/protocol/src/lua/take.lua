-- Picks up to so many calls up for a runner.
-- uses: clock waiting parking history take
-- keys: the queue's prefix
-- arguments: runner, its release, ms of a lock, most bytes of data, how many
-- reply: due = ms until the next delayed call (-1: none), calls = list of `taken`
-- taken: id data ats at generation attemptsMade attemptsBefore handedBack runnerLosses executorKills lateFaults isCancelled cancelReason failOnLoss deadlineAt waitedMs queueTimeoutMs oversizeBytes settled
local runner, release, lockMs, mostData, slots = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local calls = {}
while #calls < slots do
  local call = take(runner, release, lockMs, mostData)
  if not call then break end
  calls[#calls + 1] = call
end
-- Whoever was woken takes what it can; what is left is for the next one.
if #calls == slots and not isStopped() and rc('EXISTS', queue .. 'wait', queue .. 'prioritized') > 0 then wake() end
return { nextDelayed(), calls }
