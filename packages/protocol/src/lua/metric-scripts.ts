/** What runners have counted, added to what Redis holds. */
import type { BullScript } from '../bullmq-scripts.ts';
import { HELPERS } from './helpers.ts';

export const METRIC_SCRIPTS = {
  /**
   * KEYS runner hash, index of functions (last counted, Redis ms), machines, queue prefix; ARGV runner id, number of the batch, '1' to
   * take machine time of a machine that has no entry, most functions, the batch. A function's numbers stand in `<base>:metrics:<name>`,
   * those of the pool in the one without a name. One that was not called for a day makes room for a new one.
   * @returns 0 when machine time was left out, for there is no entry of this machine yet
   */
  flameCount: {
    name: 'flameCount',
    keys: 4,
    content: `${HELPERS}
local record, index, machines, queue = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, seq, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4])
if (tonumber(redis.call('HGET', record, 'counted') or '') or 0) >= seq then return 1 end
local fresh = redis.call('EXISTS', record) == 0
redis.call('HSET', record, 'counted', seq)
if fresh then redis.call('PEXPIRE', record, 3600000) end

local prefix = flame.base(index) .. ':metrics:'
local function hashOf(name)
  if not redis.call('ZSCORE', index, name) and redis.call('ZCARD', index) >= most then
    local oldest = redis.call('ZRANGE', index, 0, 0, 'WITHSCORES')
    if flame.now - (tonumber(oldest[2]) or 0) < 86400000 then name = '(other)'
    else
      redis.call('ZREM', index, oldest[1])
      redis.call('DEL', prefix .. oldest[1])
    end
  end
  redis.call('ZADD', index, flame.now, name)
  return prefix .. name
end
-- A field that is no number begins anew: it must not keep all others from being counted.
local function add(key, field, by)
  by = string.format('%d', math.floor(by + 0.5))
  local reply = redis.pcall('HINCRBY', key, field, by)
  if type(reply) == 'table' and reply.err then redis.call('HSET', key, field, by) end
end

local batch = cjson.decode(ARGV[5])
for name, fields in pairs(batch.functions) do
  local key = hashOf(name)
  for field, by in pairs(fields) do
    add(key, field, by)
    add(prefix, field, by)
  end
end

local text = redis.call('HGET', machines, id)
if not text and ARGV[3] ~= '1' then return 0 end
local sound, machine = pcall(cjson.decode, text or '{}')
local price = sound and type(machine) == 'table' and tonumber(machine.price) or nil
local function addTime(key, msField, nanoField, ms)
  add(key, msField, ms)
  if price then add(key, nanoField, price * ms / 3600000) end
end
for name, ms in pairs(batch.shares) do
  local key = hashOf(name)
  addTime(key, 'ms', 'nano', ms)
  addTime(prefix, 'ms', 'nano', ms)
  if not price then
    add(key, 'unpriced', ms)
    add(prefix, 'unpriced', ms)
  end
end
for call, ms in pairs(batch.calls) do
  local job = queue .. call
  if redis.call('EXISTS', job) == 1 then addTime(job, 'f:ms', 'f:nano', ms) end
end
return 1
`,
  },
} as const satisfies Readonly<Record<string, BullScript>>;
