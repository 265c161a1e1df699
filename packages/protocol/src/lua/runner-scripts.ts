/** Our own scripts on runners: heartbeat with registration, and leaving. */
import type { BullScript } from '../bullmq-scripts.ts';
import { HELPERS } from './helpers.ts';

const script = (name: string, keys: number, lua: string): BullScript => ({ name, keys, content: HELPERS + lua });

export const RUNNER_SCRIPTS = {
  /**
   * KEYS runner hash, runner index; ARGV runner id, ms since its last call ended or '' while it is busy, then field, value pairs to store.
   * @returns {Redis ms, drain generation, drain reason}
   */
  flameHeartbeat: script(
    'flameHeartbeat',
    2,
    `
local record, index, id = KEYS[1], KEYS[2], ARGV[1]
redis.call('ZADD', index, flame.now, id)
redis.call('HSET', record, 'heartbeatAt', flame.now, unpack(ARGV, 3))
redis.call('HSETNX', record, 'startedAt', flame.now)
if redis.call('HGET', record, 'state') == 'ready' then redis.call('HSETNX', record, 'readyAt', flame.now) end
if ARGV[2] ~= '' then redis.call('HSET', record, 'idleSince', flame.now - tonumber(ARGV[2]))
else redis.call('HDEL', record, 'idleSince') end
redis.call('PEXPIRE', record, 86400000)
local order = redis.call('HMGET', record, 'drain', 'drainReason')
return { tostring(flame.now), order[1] or '0', order[2] or '' }
`,
  ),
  /** KEYS runner hash, runner index; ARGV runner id, reason. The record is kept for an hour, for the dashboard. */
  flameLeave: script(
    'flameLeave',
    2,
    `
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[1], 'state', 'ended', 'reason', ARGV[2], 'active', 0, 'fault', ARGV[3] or '')
redis.call('PEXPIRE', KEYS[1], 3600000)
return 1
`,
  ),
  /** KEYS job hash; ARGV what a function has passed to `ready`. A job that has been removed is not begun anew by it. */
  flameReady: script(
    'flameReady',
    1,
    `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'f:ready', ARGV[1])
return 1
`,
  ),
  /**
   * KEYS job hash, its logs; ARGV most lines to keep, then lines. A call whose job has been removed gets no log, which
   * nobody would ever remove.
   */
  flameLog: script(
    'flameLog',
    2,
    `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('RPUSH', KEYS[2], unpack(ARGV, 2))
redis.call('LTRIM', KEYS[2], -tonumber(ARGV[1]), -1)
return 1
`,
  ),
  /** KEYS events; ARGV type, runner id, reason, details as JSON. In Redis' time, like all other events. */
  flameEvent: script(
    'flameEvent',
    1,
    `
return redis.call('XADD', KEYS[1], 'MAXLEN', '~', 1000, '*', 'type', ARGV[1], 'runnerId', ARGV[2], 'reason', ARGV[3],
  'at', flame.now, 'details', ARGV[4])
`,
  ),
  /**
   * KEYS queue prefix; ARGV runner id. @returns id, pick-up, id, pick-up, … of the active calls that this runner picked up
   */
  flameHeldBy: script(
    'flameHeldBy',
    1,
    `
local queue, runner, held = KEYS[1], ARGV[1], {}
for _, id in ipairs(redis.call('LRANGE', queue .. 'active', 0, -1)) do
  local f = redis.call('HMGET', queue .. id, 'f:run', 'ats')
  if f[1] == runner then
    held[#held + 1] = id
    held[#held + 1] = f[2]
  end
end
return held
`,
  ),
  /**
   * KEYS queue prefix; ARGV runner id, then id, pick-up for each. Puts calls back whose pick-up never reached the runner,
   * because the connection broke under the reply: nothing was lost, so nothing is counted. @returns ids put back
   */
  flamePutBack: script(
    'flamePutBack',
    1,
    `
local queue, runner = KEYS[1], ARGV[1]
local base, back = flame.base(queue), {}
for i = 2, #ARGV, 2 do
  local id = ARGV[i]
  local jobKey = queue .. id
  local f = redis.call('HMGET', jobKey, 'f:run', 'ats', 'priority', 'f:lim')
  if f[1] == runner and f[2] == ARGV[i + 1] and redis.call('LREM', queue .. 'active', 1, id) == 1 then
    redis.call('DEL', jobKey .. ':lock')
    redis.call('SREM', queue .. 'stalled', id)
    redis.call('HDEL', jobKey, 'f:run')
    flame.count(jobKey, 'f:back')
    if f[4] then redis.call('HSET', jobKey, 'f:token', flame.now + 5000) end
    local priority = tonumber(f[3] or '0') or 0
    if priority > 0 then redis.call('ZADD', queue .. 'prioritized', priority * 0x100000000, id)
    else redis.call('RPUSH', queue .. 'wait', id) end
    flame.startWaiting(jobKey, base)
    back[#back + 1] = id
  end
end
if #back > 0 and redis.call('HEXISTS', queue .. 'meta', 'paused') == 0 then redis.call('ZADD', queue .. 'marker', 0, '0') end
return back
`,
  ),
} as const satisfies Readonly<Record<string, BullScript>>;
