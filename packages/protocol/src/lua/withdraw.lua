-- Takes offers of free slots back.
-- uses: clock hand-over
-- keys: the queue's prefix
-- arguments: runner, then the numbers of its offers
-- reply: the numbers of those that had not been taken: nothing comes for them any more
local back = {}
for i = 2, #ARGV do
  if withdraw(ARGV[1], ARGV[i]) then back[#back + 1] = ARGV[i] end
end
return back
