-- Rates of keys: in no window of `per` ms more than `calls` beginnings. What counts is when calls have begun; no token is ever stored. Also
-- in front of our older scripts, so it needs nothing else. Of a gate there is one of:
--   starts:<gate>  the beginnings of the last window, by time
--   slots:<gate>   how many there were in each hundredth of a window, for large numbers: all of them count as if they were at its end
--   last:<gate>    the last beginning, where they keep a distance (`smooth`)
-- Each goes when its window has passed.
local tokens = {}
local MOST_EXACT = 1000
local SLOTS = 100

local timeMs
function tokens.now()
  if not timeMs then
    local t = redis.call('TIME')
    timeMs = t[1] * 1000 + math.floor(t[2] / 1000)
  end
  return timeMs
end

-- @param text calls, ms and whether they keep a distance: `100 60000 0`
-- @returns them; nothing for what is none
function tokens.parse(text)
  local calls, per, smooth = string.match(text or '', '^(%d+) (%d+) ([01])$')
  if calls then return { calls = tonumber(calls), per = tonumber(per), smooth = smooth == '1' } end
end

local function smoothly(base, name, rate)
  local now, gap = tokens.now(), math.ceil(rate.per / rate.calls)
  local last = math.min(now, tonumber(redis.call('GET', base .. ':last:' .. name) or '') or 0)
  if now - last > gap then return 1, now end
  return 0, last + gap + 1
end

-- Times are cut to milliseconds: what began a window ago, to the millisecond, may have begun within it. What lies in the future was written before the clock stepped back: it counts as if it were of now.
local function exactly(base, name, rate)
  local key, now = base .. ':starts:' .. name, tokens.now()
  redis.call('ZREMRANGEBYSCORE', key, '-inf', '(' .. (now - rate.per))
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, '(' .. now, '+inf')) do redis.call('ZADD', key, now, member) end
  local used = redis.call('ZCARD', key)
  if used < rate.calls then return rate.calls - used, now end
  local first = redis.call('ZRANGE', key, used - rate.calls, used - rate.calls, 'WITHSCORES')
  return 0, tonumber(first[2]) + rate.per + 1
end

local function inSlots(base, name, rate)
  local key, now, width = base .. ':slots:' .. name, tokens.now(), math.max(1, math.ceil(rate.per / SLOTS))
  local current, used, counts = math.floor(now / width), 0, {}
  local found = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  for i = 1, #found, 2 do
    local slot, count = tonumber(found[i]) or 0, tonumber(found[i + 1]) or 0
    if (slot + 1) * width <= now - rate.per then redis.call('ZREM', key, found[i])
    else
      used = used + count
      counts[#counts + 1] = { math.min(slot, current), count }
      if slot > current then
        redis.call('ZREM', key, found[i])
        redis.call('ZINCRBY', key, count, current)
      end
    end
  end
  if used < rate.calls then return rate.calls - used, now end
  table.sort(counts, function(a, b) return a[1] < b[1] end)
  for _, c in ipairs(counts) do
    used = used - c[2]
    if used < rate.calls then return 0, (c[1] + 1) * width + rate.per end
  end
  return 0, now + rate.per
end

-- @returns how many calls of the key may begin now, and when the next may if none
function tokens.look(base, name, rate)
  if rate.calls < 1 then return 0, math.huge end
  if rate.smooth then return smoothly(base, name, rate) end
  if rate.calls > MOST_EXACT then return inSlots(base, name, rate) end
  return exactly(base, name, rate)
end

-- A call begins.
function tokens.take(base, name, rate, id)
  local now = tokens.now()
  if rate.smooth then redis.call('SET', base .. ':last:' .. name, now, 'PX', math.ceil(rate.per / rate.calls) + 1)
  elseif rate.calls > MOST_EXACT then
    redis.call('ZINCRBY', base .. ':slots:' .. name, 1, math.floor(now / math.max(1, math.ceil(rate.per / SLOTS))))
    redis.call('PEXPIRE', base .. ':slots:' .. name, rate.per * 2)
  else
    redis.call('ZADD', base .. ':starts:' .. name, now, id .. ' ' .. now)
    redis.call('PEXPIRE', base .. ':starts:' .. name, rate.per + 1)
  end
end
