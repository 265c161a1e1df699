import type { SabotageSwitch } from './switch.ts';

const SCHEDULES = ['packages/queue/test/client/schedules.test.ts'];
const CALLER = ['packages/queue/test/client/damaged.test.ts'];
const RECORDS = ['packages/dashboard/test/damaged-records.test.ts'];
const UNSERVED = ['tests/unserved-pool.test.ts'];

export default [
  {
    name: 'any entry of the registry is taken for a status',
    file: 'packages/protocol/src/pool-status.ts',
    find: 'if (fields === undefined || !haveNumbers(fields, NUMBERS) ||',
    replace:
      'if (fields !== undefined && !haveNumbers(fields, NUMBERS)) return fields as never;\n  if (fields === undefined ||',
    tests: ['C-04 C-05 T-10: pool registry'],
    in: RECORDS,
  },
  {
    name: 'a head that cannot be read is handed on',
    file: 'packages/protocol/src/outcome.ts',
    find: 'return whole ? (fields as unknown as OutcomeHead) : DAMAGED_HEAD;',
    replace: 'return fields as unknown as OutcomeHead;',
    tests: ['C-04: an outcome whose head is'],
    in: CALLER,
  },
  {
    name: 'BullMQ parses what stands in a job as it stands',
    file: 'packages/protocol/src/sound-job.ts',
    find: 'return sound === undefined ? value : sound(String(value));',
    replace: 'return sound === undefined || value !== undefined ? value : sound(String(value));',
    tests: ['C-04 C-05 T-10: jobs'],
    in: RECORDS,
  },
  {
    name: 'a pause that is no number ends every script of its pool',
    file: 'packages/protocol/src/lua/helpers.ts',
    find: "local total = tonumber(p[2] or '0') or 0",
    replace: "local total = tonumber(p[2] or '0')",
    tests: ['C-04: a pool whose pause and last start are no numbers'],
    in: CALLER,
  },
  {
    name: 'a damaged record of a runner counts against max',
    file: 'packages/autoscaler/src/scripts/intents.ts',
    find: "if ok and type(record) == 'table' and record.runnerId then",
    replace: 'if ok or not ok then',
    tests: ['C-04: a damaged record of a runner holds no place under max'],
    in: RECORDS,
  },
  {
    name: 'a tick advances a schedule that was given another timing',
    file: 'packages/protocol/src/lua/schedule-scripts.ts',
    find: 'if not text or not sameTiming(text, ARGV[2], ARGV[3], ARGV[4]) then return',
    replace: "if text == 'x' then return",
    tests: ['C-16: a schedule that is removed while it is being run is gone'],
    in: SCHEDULES,
  },
  {
    name: 'a registration sets the moment anew',
    file: 'packages/protocol/src/lua/schedule-scripts.ts',
    find: "and redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 'kept' end",
    replace: "and ARGV[1] == '' then return 'kept' end",
    tests: ['C-81: a schedule that is registered again when it is due loses no moment'],
    in: SCHEDULES,
  },
  {
    name: 'moments between two ticks are left out',
    file: 'packages/protocol/src/schedule-timing.ts',
    find: 'if (now - first > MAKE_UP_MS)',
    replace: 'if (now - first > 0)',
    tests: ['C-17: each second of a late run is cast'],
    in: SCHEDULES,
  },
  {
    name: 'nobody keeps house for pools that left the config',
    file: 'packages/autoscaler/src/housekeeper.ts',
    find: 'async () => options.unserved?.());',
    replace: 'async () => []);',
    tests: ['C-76: calls of a pool that nobody serves'],
    in: UNSERVED,
  },
  {
    name: 'redaction looks for a sign behind every address',
    file: 'packages/protocol/src/redact-text.ts',
    find: 'if (!LIKELY.test(text) &&',
    replace: 'if (!/:\\/\\/[^\\s]*@/.test(text) && !LIKELY.test(text) &&',
    tests: ['T-04: redaction of a long text'],
    in: ['packages/protocol/test/redact-text.test.ts'],
  },
  {
    name: 'every value is made readable at once',
    file: 'packages/dashboard/src/operations/previewer.ts',
    find: 'const AT_ONCE_BYTES = 64 * 1024;',
    replace: 'const AT_ONCE_BYTES = 16 * 1024 * 1024 * 1024;',
    tests: ['T-05: a large value is made readable off the event loop'],
    in: ['packages/dashboard/test/preview.test.ts'],
  },
  {
    name: 'anybody may say by which name the dashboard was called',
    file: 'packages/dashboard/src/guard/proxies.ts',
    find: "const forwarded = trusted ? header('x-forwarded-host')",
    replace: "const forwarded = trusted || !trusted ? header('x-forwarded-host')",
    tests: ['T-11: X-Forwarded-Host counts from a proxy that is trusted'],
    in: ['packages/dashboard/test/proxies.test.ts'],
  },
  {
    name: 'a proxy’s requests count as those of this machine',
    file: 'packages/dashboard/src/guard/guard.ts',
    find: 'if (credentials.length === 0 && FORWARDING_HEADERS.some(',
    replace: 'if (credentials.length < 0 && FORWARDING_HEADERS.some(',
    tests: ['T-11: without a credential a request with'],
    in: ['packages/dashboard/test/proxies.test.ts'],
  },
  {
    name: 'pages refer to the root of the host',
    file: 'packages/dashboard/src/routes/relative.ts',
    find: "'../'.repeat(path.split('/').length - 2) || './'",
    replace: "'/'.repeat(Math.min(1, path.length))",
    tests: ['T-11: every page and every button works'],
    in: ['packages/dashboard/test/proxies.test.ts'],
  },
] satisfies readonly SabotageSwitch[];
