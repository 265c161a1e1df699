-- When calls of the pool began last, and of which releases their callers are. Needs clock. Known to a quarter of a second, for each
-- call would pay for more.
local NOTED_EVERY_MS = 250
local noted = {}
local function noteStart(release)
  if noted[release] then return end
  noted[release] = true
  local last = now - (tonumber(rc('ZSCORE', base .. ':called', release) or '0') or 0)
  if last >= 0 and last < NOTED_EVERY_MS then return end
  rc('SET', base .. ':last-start', now)
  rc('ZADD', base .. ':releases', 'NX', now, release)
  rc('ZADD', base .. ':called', now, release)
end
