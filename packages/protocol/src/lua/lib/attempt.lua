-- Several calls in one script: what fails for one is told of that one. Its first write is the one that Redis may refuse.
-- @returns what the step returns, or ! and the text of the error, as Redis has it
local function attempt(step, at)
  local done, reply = pcall(step, at)
  if done then return reply end
  local text = type(reply) == 'table' and reply.err or tostring(reply)
  -- Of a missing right Redis 7.0 says so and no more.
  local isUnnamed = string.find(text, "can't run this command", 1, true) or string.find(text, 'ACL failure', 1, true)
  return '!' .. (string.match(text, '%u%u+ .*') or text) .. (isUnnamed and (" (command '" .. string.lower(command) .. "')") or '')
end
