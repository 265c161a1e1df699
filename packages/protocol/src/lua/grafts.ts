/**
 * What we add to BullMQ's own scripts. Each graft wraps the original, unchanged text of the installed version: `before`
 * runs first and may return, the original runs as a function, `after` sees its result. So a call is accepted, picked up
 * and settled in the one atomic step in which BullMQ moves its job, and costs no round trip of its own.
 */

import { MOST_ENVELOPE_BYTES } from '../envelope.ts';

/** Return codes of ours, far from BullMQ's own small negative numbers. */
export const SUPERSEDED = -100;
export const ID_CONFLICT = -101;
export const QUEUE_FULL = -102;

/** Most calls that one check takes back. Tens of thousands at once would keep Redis from everybody else for seconds. */
const MOST_STALLED = 1_000;

/**
 * Where a picked-up job's hash is read. Data that no caller of ours has written, for it is larger than any envelope, is not
 * handed out: one read of it could be more than a runner's memory.
 */
const BOUND_DATA: readonly [string, string] = [
  'return {rcall("HGETALL", jobKey), jobId, 0, 0}',
  `local dataSize = rcall("HSTRLEN", jobKey, "data")
  if dataSize > ${MOST_ENVELOPE_BYTES} then rcall("HSET", jobKey, "data", "null", "f:size", dataSize) end
  return {rcall("HGETALL", jobKey), jobId, 0, 0}`,
];

export interface Graft {
  readonly before?: string;
  readonly after?: string;
  /** Exact text to replace in the original; composition fails when it is not there. */
  readonly replace?: readonly (readonly [string, string])[];
}

/**
 * Accepting a call. ARGV[4] describes it, ARGV[5] holds arguments too large for the job hash. Sent twice, it adds once:
 * a command that a client repeats after a broken connection finds the job and joins it.
 */
const accept = (keys: { wait: string; meta: string; prioritized: string; delayed: string }): Graft => ({
  before: `
local call, packed = cjson.decode(ARGV[4]), cmsgpack.unpack(ARGV[1])
local queuePrefix, id = packed[1], packed[2]
local jobKey, base = queuePrefix .. id, flame.base(packed[1])
local outcome = base .. ':outcome:' .. id
if redis.call('EXISTS', jobKey) == 1 then
  local fp = redis.call('HGET', jobKey, 'f:fp')
  if fp and fp ~= call.fp then return ${ID_CONFLICT} end
  if fp then
    flame.addWaiter(jobKey, call.waiter)
    return id
  end
  -- Every call has one: these are the remains of one that was removed, and nothing would ever come of joining them.
  redis.call('DEL', jobKey)
end
local settled = redis.call('HGET', outcome, 'fp')
if settled then
  if settled ~= call.fp then return ${ID_CONFLICT} end
  return id
end
local pending = redis.call('LLEN', ${keys.wait}) + redis.call('ZCARD', ${keys.prioritized}) + redis.call('ZCARD', ${keys.delayed})
if pending >= call.maxPending then return ${QUEUE_FULL} end
redis.call('HSETNX', ${keys.meta}, 'opts.maxLenEvents', 1000)
`,
  after: `
local deadline = call.deadlineAt > 0 and call.deadlineAt or (call.deadlineIn > 0 and flame.now + call.deadlineIn or 0)
redis.call('HSET', jobKey, 'f:gen', 1, 'f:fp', call.fp, 'f:w', call.waiter, 'f:qt', call.queueTimeout, 'f:dl', deadline,
  'f:ttl', call.resultTtl, 'f:fttl', call.failedTtl, 'f:fail', call.failOnLoss, 'f:rel', call.release,
  'f:own', call.fp == '' and call.waiter or '')
flame.startWaiting(jobKey, base, flame.now + call.delay)
if #ARGV[5] > 0 then
  redis.call('SET', base .. ':args:' .. id, ARGV[5])
  redis.call('ZADD', base .. ':large', flame.now, id)
end
local due = deadline
if call.queueTimeout > 0 and (due == 0 or flame.now + call.delay + call.queueTimeout < due) then
  due = flame.now + call.delay + call.queueTimeout
end
if due > 0 then redis.call('ZADD', base .. ':expiry', due, id) end
if call.awaitedBy ~= '' then
  redis.call('HSET', jobKey, 'f:up', call.awaitedBy)
  -- Calls of this pool await calls of this pool: it may come to wait for itself.
  if redis.call('EXISTS', queuePrefix .. call.awaitedBy) == 1 then redis.call('SET', base .. ':nests', 1, 'PX', 3600000) end
end
if call.link ~= '' then
  redis.call('HSET', jobKey, 'f:link', call.link)
  redis.call('ZADD', base .. ':linked', flame.now, id)
end
`,
  replace: [['local timestamp = args[4]', 'local timestamp = flame.now']],
});

/**
 * Picking a call up: counts the loss of the runner that had it before, marks the pool's last start, and tells the runner
 * what it must know before it runs anything. `result` is BullMQ's `{job hash, id, …}`.
 */
const PICK_UP = `
if type(result) == 'table' then
  result[5] = flame.now
  if type(result[1]) == 'table' then
    local id = result[2]
    local jobKey, base = queuePrefix .. id, flame.base(queuePrefix)
    local f = redis.call('HMGET', jobKey, 'f:run', 'f:gen', 'f:rel', 'f:park')
    if f[2] then
      if f[1] then
        result[1][#result[1] + 1] = 'f:loss'
        result[1][#result[1] + 1] = flame.count(jobKey, 'f:loss')
        flame.note(jobKey, 'its runner was lost')
      end
      redis.call('HSET', jobKey, 'f:run', worker or '?', 'f:at', flame.now)
      redis.call('SET', base .. ':last-start', flame.now)
      if f[3] then flame.sawRelease(base, f[3]) end
      if f[4] then flame.leaveParking(base, id, jobKey) end
      local settled = redis.call('HGET', base .. ':outcome:' .. id, 'gen') == f[2]
      result[1][#result[1] + 1] = 'f:settled'
      result[1][#result[1] + 1] = settled and '1' or '0'
      result[1][#result[1] + 1] = 'f:paused'
      result[1][#result[1] + 1] = flame.pausedFor(base)
    end
  end
end
`;

/**
 * The fence. A verdict counts when its attempt is still the newest, even if its lock has run out in the meantime (then
 * the lock is taken again and a job that a stalled check has moved is fetched back). Any other verdict is refused, and so
 * is one that is sent again after a broken connection when it has been carried out: it would charge a budget twice, or
 * leave a lock on a finished job.
 */
const FENCE = `
local f = redis.call('HMGET', jobKey, 'ats', 'f:gen', 'f:moved')
if f[1] and f[2] then
  if tonumber(f[1]) ~= verdict.attempt or tonumber(f[2]) ~= verdict.generation then return ${SUPERSEDED} end
  if f[3] == f[1] then return ${SUPERSEDED} end
  if verdict.head and redis.call('HGET', flame.base(jobKey) .. ':outcome:' .. id, 'gen') == f[2] then return ${SUPERSEDED} end
  -- Only a call without its lock can have been moved; looking for it costs as much as the queue is long.
  if redis.call('GET', jobKey .. ':lock') ~= token then
    redis.call('SET', jobKey .. ':lock', token, 'PX', 5000)
    if redis.call('LREM', waitKey, 1, id) == 1 or redis.call('ZREM', prioritizedKey, id) == 1 then
      redis.call('LPUSH', activeKey, id)
    end
  end
end
`;

export const GRAFTS: Readonly<Record<string, Graft>> = {
  addStandardJob: accept({
    wait: 'KEYS[1]',
    meta: 'KEYS[3]',
    prioritized: "queuePrefix .. 'prioritized'",
    delayed: 'KEYS[6]',
  }),
  addPrioritizedJob: accept({
    wait: "queuePrefix .. 'wait'",
    meta: 'KEYS[2]',
    prioritized: 'KEYS[4]',
    delayed: 'KEYS[5]',
  }),
  addDelayedJob: accept({
    wait: "queuePrefix .. 'wait'",
    meta: 'KEYS[2]',
    prioritized: "queuePrefix .. 'prioritized'",
    delayed: 'KEYS[4]',
  }),
  moveToActive: {
    before: `
local queuePrefix, worker = ARGV[1], cmsgpack.unpack(ARGV[3])['name']
ARGV[2] = tostring(flame.now)
flame.unpark(flame.base(queuePrefix), queuePrefix, worker)
`,
    after: PICK_UP,
    replace: [BOUND_DATA],
  },
  moveToFinished: {
    before: `
local queuePrefix, id, jobKey = ARGV[7], ARGV[1], KEYS[12]
local moveOpts = cmsgpack.unpack(ARGV[8])
local worker, token = moveOpts['name'], moveOpts['token']
local waitKey, activeKey, prioritizedKey = KEYS[1], KEYS[2], KEYS[3]
ARGV[2] = tostring(flame.now)
if ARGV[10] then
  local verdict = cjson.decode(ARGV[10])
  ${FENCE}
  if verdict.head then
    flame.settle(flame.base(queuePrefix), id, jobKey, verdict.generation, verdict.head, ARGV[11], verdict.ok, verdict.inlineLimit)
  end
  redis.call('HDEL', jobKey, 'f:run')
end
if ARGV[6] == '1' then flame.unpark(flame.base(queuePrefix), queuePrefix, worker) end
`,
    after: PICK_UP,
    replace: [BOUND_DATA],
  },
  moveJobFromActiveToWait: {
    before: `
local id, token, jobKey = ARGV[1], ARGV[2], ARGV[3]
local activeKey, waitKey, prioritizedKey = KEYS[1], KEYS[2], KEYS[7]
if ARGV[4] then
  local verdict = cjson.decode(ARGV[4])
  ${FENCE}
  flame.goBack(jobKey, verdict)
  if verdict.count then flame.count(jobKey, verdict.count) end
  flame.startWaiting(jobKey, flame.base(jobKey))
end
`,
  },
  moveToDelayed: {
    before: `
local id, token, jobKey = ARGV[3], ARGV[4], KEYS[5]
local activeKey, waitKey, prioritizedKey = KEYS[2], KEYS[9], KEYS[3]
ARGV[2] = tostring(flame.now)
if ARGV[10] then
  local verdict = cjson.decode(ARGV[10])
  ${FENCE}
  flame.goBack(jobKey, verdict)
  if verdict.count then flame.count(jobKey, verdict.count) end
  -- A call that waits for a runner of its release has not begun a new period of waiting: it goes on.
  if verdict.park then flame.park(flame.base(jobKey), id, jobKey, verdict.park)
  else flame.startWaiting(jobKey, flame.base(jobKey), flame.now + tonumber(ARGV[5])) end
end
`,
  },
  retryJob: {
    before: `
local id, token, jobKey = ARGV[4], ARGV[5], KEYS[4]
local activeKey, waitKey, prioritizedKey = KEYS[1], KEYS[2], KEYS[8]
ARGV[2] = tostring(flame.now)
if ARGV[7] then
  local verdict = cjson.decode(ARGV[7])
  ${FENCE}
  flame.goBack(jobKey, verdict)
  flame.startWaiting(jobKey, flame.base(jobKey))
end
`,
  },
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
  redis.call('HDEL', jobKey, 'f:run', 'f:loss', 'f:kill', 'f:late', 'f:cancel', 'f:back', 'stc', 'stacktrace', 'f:w', 'f:own')
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
local waiters, gen = redis.call('HGET', jobKey, 'f:w'), redis.call('HGET', jobKey, 'f:gen')
if redis.call('HGET', base .. ':outcome:' .. id, 'gen') == gen then waiters = false end
flame.leaveParking(base, id, jobKey)
`,
    after: `
if gen and result == 1 then
  for waiter in string.gmatch(waiters or '', '%S+') do
    local reply = base .. ':reply:' .. waiter
    redis.call('XADD', reply, '*', 'id', id, 'gen', gen, 'removed', '1')
    redis.call('PEXPIRE', reply, 3600000)
  end
  if waiters then
    redis.call('DEL', base .. ':args:' .. id)
    redis.call('ZREM', base .. ':large', id)
  end
end
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
