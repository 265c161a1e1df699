/**
 * What we add to BullMQ's own scripts. Each graft wraps the original, unchanged text of the installed version: `before`
 * runs first and may return, the original runs as a function, `after` sees its result. So a call is accepted, picked up
 * and settled in the one atomic step in which BullMQ moves its job, and costs no round trip of its own.
 */

/** Most calls that one check takes back. Tens of thousands at once would keep Redis from everybody else for seconds. */
const MOST_STALLED = 1_000;

export interface Graft {
  readonly before?: string;
  readonly after?: string;
  /** Exact text to replace in the original; composition fails when it is not there. */
  readonly replace?: readonly (readonly [string, string])[];
}

export const GRAFTS: Readonly<Record<string, Graft>> = {
  moveStalledJobsToWait: {
    before: `ARGV[3] = tostring(flame.now)`,
    after: `
for _, id in ipairs(result) do
  local jobKey = ARGV[2] .. id
  if redis.call('HEXISTS', jobKey, 'f:gen') == 1 then flame.startWaiting(jobKey, flame.base(jobKey)) end
end
`,
    // Each costs a walk through `active`. What is left over stays marked, for the next check.
    replace: [
      [
        'if (rcall("EXISTS", jobKey .. ":lock") == 0) then',
        `if (#stalled < ${MOST_STALLED} and rcall("EXISTS", jobKey .. ":lock") == 0) then`,
      ],
    ],
  },
  // A retry by hand starts a new generation; every budget starts again and the arguments are kept for as long as it lives.
  reprocessJob: {
    before: `
local jobKey, id = KEYS[1], ARGV[1]
local base = flame.base(jobKey)
local gen = redis.call('HGET', jobKey, 'f:gen')
if gen and redis.call('ZSCORE', KEYS[3], id) then
  redis.call('HINCRBY', jobKey, 'f:gen', 1)
  redis.call('HSET', jobKey, 'f:base', redis.call('HGET', jobKey, 'ats') or 0, 'f:dl', 0)
  redis.call('HSET', jobKey, 'f:asked', flame.now)
  redis.call('HDEL', jobKey, 'f:run', 'f:loss', 'f:kill', 'f:late', 'f:cancel', 'f:back', 'stc', 'stacktrace', 'f:w', 'f:own', 'f:st')
  redis.call('PERSIST', base .. ':args:' .. id)
  flame.startWaiting(jobKey, base)
  local queueTimeout = tonumber(redis.call('HGET', jobKey, 'f:qt') or '0') or 0
  if queueTimeout > 0 then redis.call('ZADD', base .. ':expiry', flame.now + queueTimeout, id) end
  ARGV[5] = '1'
  ARGV[6] = '0'
end
`,
  },
  // A call removed by hand while somebody waits: they are told at once instead of finding out by looking.
  removeJob: {
    before: `
local jobKey, id = KEYS[1], ARGV[1]
local base = flame.base(jobKey)
local waiters, gen, limits = unpack(redis.call('HMGET', jobKey, 'f:w', 'f:gen', 'f:lim'))
-- It may be running, whatever list it stands in. BullMQ's code for a job that is locked.
if gate.hasBegun(base, limits, id) then return 0 end
if redis.call('HGET', base .. ':outcome:' .. id, 'gen') == gen then waiters = false end
flame.leaveParking(base, id, jobKey)
gate.release(string.sub(jobKey, 1, #jobKey - #id), base, limits, id, jobKey)
`,
    after: `
if gen and result == 1 then
  redis.call('DEL', base .. ':stream:' .. id, base .. ':chunks:' .. id, base .. ':items:' .. id)
  for waiter in string.gmatch(waiters or '', '%S+') do tell(base, waiter, id, gen, false) end
  if waiters then
    redis.call('DEL', base .. ':args:' .. id)
    redis.call('ZREM', base .. ':large', id)
  end
end
`,
  },
  changePriority: {
    after: `
local jobKey, id = ARGV[2] .. ARGV[3], ARGV[3]
local name = string.match(redis.call('HGET', jobKey, 'f:held') or '', '^%S+')
if name then gate.hold(ARGV[2], flame.base(jobKey), name, id, jobKey) end
`,
  },
  pause: {
    before: `
local base = flame.base(KEYS[3])
if ARGV[1] == 'paused' then
  redis.call('HSETNX', base .. ':pause', 'since', flame.now)
else
  redis.call('HSET', base .. ':pause', 'total', flame.pausedFor(base))
  redis.call('HDEL', base .. ':pause', 'since')
end
`,
  },
};
