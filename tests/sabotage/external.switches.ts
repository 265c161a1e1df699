/** Switches of pools that a platform scales: each takes one guard away. */
import type { SabotageSwitch } from './switch.ts';

const POOL = ['packages/autoscaler/test/platform/pool.test.ts'];
const SCALER = ['packages/autoscaler/test/platform/scaler.test.ts'];
const RUNNER = ['packages/runner/test/platform.test.ts'];

export default [
  {
    name: 'a platform is told more than max',
    file: 'packages/autoscaler/src/platform/number.ts',
    find: 'return Math.min(max, Math.max(min, wanted));',
    replace: 'return Math.max(min, wanted);',
    tests: ['EX-05'],
    in: POOL,
  },
  {
    name: 'a platform is told less than what is busy',
    file: 'packages/autoscaler/src/platform/number.ts',
    find: 'Math.max(target.wanted, floor, held, ',
    replace: 'Math.max(target.wanted, floor, ',
    tests: ['EX-01'],
    in: POOL,
  },
  {
    name: 'a new leader tells a platform to end what it has not seen yet',
    file: 'packages/autoscaler/src/platform/number.ts',
    find: 'Number.isFinite(target.floor) ? target.floor : known',
    replace: 'Number.isFinite(target.floor) ? target.floor : 0',
    tests: ['EX-01'],
    in: POOL,
  },
  {
    name: 'an old decision is answered as if it were new',
    file: 'packages/protocol/src/platform-decision.ts',
    find: 'if (ageMs > DECISION_MS)',
    replace: 'if (ageMs > Number.POSITIVE_INFINITY)',
    tests: ['EX-02'],
    in: POOL,
  },
  {
    name: 'what is parked is never taken back',
    file: 'packages/autoscaler/src/platform/parking.ts',
    find: '    .filter(isParked)',
    replace: '    .filter(() => false)',
    tests: ['EX-03'],
    in: POOL,
  },
  {
    name: 'a runner of a platform ends when it is drained',
    file: 'packages/runner/src/drain.ts',
    find: 'if (parks && own === undefined) parked = true;',
    replace: 'if (parks && own === null) parked = true;',
    tests: ['EX-07'],
    in: RUNNER,
  },
  {
    name: 'a runner of a platform ends when its autoscaler is silent',
    file: 'packages/runner/src/watch-for-silence.ts',
    find: '(pauses ? pauseForSilence(loop, logger) : { onSilent: end })',
    replace: '{ onSilent: end }',
    tests: ['EX-08'],
    in: RUNNER,
  },
  {
    name: 'a platform hears a number that nobody decided',
    file: 'packages/autoscaler/src/scaler/http.ts',
    find: 'if (!decision.known) return says(503, decision.why);',
    replace: 'if (!decision.known) return { status: 200, body: JSON.stringify({ pool, wanted: 0, ageMs: 0 }) };',
    tests: ['EX-10'],
    in: SCALER,
  },
  {
    name: 'KEDA hears a number that nobody decided',
    file: 'packages/autoscaler/src/scaler/grpc.ts',
    find: 'if (decision?.known !== true)',
    replace: 'if (decision?.known !== true) return { pool, wanted: 0 };\n    if (decision?.known !== true)',
    tests: ['EX-11'],
    in: SCALER,
  },
  {
    name: 'anybody is answered who does not send the token',
    file: 'packages/autoscaler/src/scaler/http.ts',
    find: 'if (token === undefined) return true;',
    replace: 'return true;',
    tests: ['EX-10'],
    in: SCALER,
  },
  {
    name: 'the listener for platforms is open without token or TLS',
    file: 'packages/autoscaler/src/scaler/settings.ts',
    find: "host: env.FLAME_SCALER_HOST || (guarded ? undefined : '127.0.0.1')",
    replace: 'host: env.FLAME_SCALER_HOST || undefined',
    tests: ['EX-12'],
    in: SCALER,
  },
  {
    name: 'a deletion cost is written again although it has not changed',
    file: 'packages/autoscaler/src/backends/external/deletion-cost.ts',
    find: '.filter(([host, cost]) => written.get(host) !== cost)',
    replace: '.filter(() => true)',
    tests: ['EX-15'],
    in: ['packages/autoscaler/test/platform/deletion-cost.test.ts'],
  },
  {
    name: 'ECS is told with each call that a task is busy or not',
    file: 'packages/runner/src/task-protection.ts',
    find: '        }, idleMs);',
    replace: '        }, 0);',
    tests: ['EX-14'],
    in: ['packages/runner/test/task-protection.test.ts'],
  },
] satisfies SabotageSwitch[];
