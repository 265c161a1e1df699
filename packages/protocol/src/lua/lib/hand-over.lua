-- Free slots of runners, to which whoever accepts a call hands it over. Each stands there under a random number, which is used once, and
-- the push repeats it: a runner begins only what it has offered. Needs clock. See hand-over.ts.
local NUMBER_BYTES = 16

-- The longest free stands first. Adding what stands there already changes nothing.
local function offer(runner, number)
  rc('ZADD', base .. ':free', 'NX', clock[1] * 1000000 + clock[2], number .. runner)
end

local function isOffered(runner, number)
  return rc('ZSCORE', base .. ':free', number .. runner) and true or false
end

-- @returns whether nobody has taken it
local function withdraw(runner, number)
  return rc('ZREM', base .. ':free', number .. runner) == 1
end
