/** Our own scripts on runners: heartbeat with registration, and leaving. */
import type { BullScript } from '../bullmq-scripts.ts';
import { HELPERS } from './helpers.ts';

const script = (name: string, keys: number, lua: string): BullScript => ({ name, keys, content: HELPERS + lua });

export const RUNNER_SCRIPTS = {
  /**
   * KEYS runner hash, runner index; ARGV runner id, '1' when idle, then field, value pairs to store.
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
if ARGV[2] == '1' then redis.call('HSETNX', record, 'idleSince', flame.now)
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
redis.call('HSET', KEYS[1], 'state', 'ended', 'reason', ARGV[2], 'active', 0)
redis.call('PEXPIRE', KEYS[1], 3600000)
return 1
`,
  ),
} as const satisfies Readonly<Record<string, BullScript>>;
