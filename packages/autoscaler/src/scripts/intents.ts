/** Durable intents: what may exist at a provider. */
import { NOW, script } from './script.ts';

/**
 * KEYS intents, epoch; ARGV epoch, pool, max, quota, then id, record for each. Counts and reserves in one step, so that
 * two controllers together cannot pass max. @returns the ids reserved, or 'fenced'
 */
export const RESERVE = script(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 'fenced' end
local pool, max, quota = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local total, mine = 0, 0
local held = redis.call('HGETALL', KEYS[1])
for i = 1, #held, 2 do
  -- A damaged record is no runner's: it must not hold a place that nobody would ever give back.
  local ok, record = pcall(cjson.decode, held[i + 1])
  if ok and type(record) == 'table' and record.runnerId then
    total = total + 1
    if string.match(held[i], '^(.*)%-%w+%-%w+$') == pool then mine = mine + 1 end
  end
end
local reserved = {}
for i = 5, #ARGV, 2 do
  if mine >= max or total >= quota then break end
  if redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) == 1 then
    mine, total = mine + 1, total + 1
    reserved[#reserved + 1] = ARGV[i]
  end
end
return reserved
`);

/** KEYS intents, epoch; ARGV epoch, number of records, then id, record for each, then ids to remove. */
export const COMMIT = script(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 'fenced' end
local last = 2 + 2 * tonumber(ARGV[2])
for i = 3, last, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = last + 1, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
return 'ok'
`);

/** KEYS epoch, heartbeat, pools; ARGV epoch, then pool, status for each. */
export const BEAT = script(`${NOW}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'fenced' end
redis.call('SET', KEYS[2], now)
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1]) end
return 'ok'
`);
