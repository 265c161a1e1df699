-- Asked by the newest attempt of a call that has yielded, before it goes back to the queue.
-- uses: clock stream
-- keys: the queue's prefix
-- arguments: id, generation, attempt
-- reply: the index at which the next attempt begins, or -1 and less the items that there are when there must be none
local f = rc('HMGET', queue .. ARGV[1], 'f:gen', 'ats', 'f:st')
if f[1] ~= ARGV[2] or f[2] ~= ARGV[3] or not f[3] then return 0 end
return rewind(ARGV[1], ARGV[2], f[3])
