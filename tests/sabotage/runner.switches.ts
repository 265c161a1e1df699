/** Switches of the runner: what keeps calls its own, ends them, and hands them back. */
import type { SabotageSwitch } from './switch.ts';

const LOSSES = ['packages/runner/test/losses.test.ts'];
const DRAIN = ['packages/runner/test/drain.test.ts'];
const STOP = ['packages/runner/test/executor/stop.test.ts'];
const CRASH = ['packages/runner/test/executor/crash.test.ts'];
const PLAN = ['packages/runner/test/after-run.test.ts'];
const PICK_UP = ['packages/runner/test/pick-up.test.ts'];

export default [
  {
    name: 'a runner stays as wide as its first executor until a call has ended',
    file: 'packages/runner/src/call-worker.ts',
    find: 'mainLoopQueue?.add(Promise.resolve());',
    replace: '',
    tests: ['F02 calls that waited for a runner'],
    in: ['packages/runner/test/width.test.ts'],
  },
  {
    name: 'locks are not renewed',
    file: 'packages/runner/src/lease-keeper.ts',
    find: 'timer ??= setInterval(tick, LOCK_RENEW_MS);',
    replace: '',
    tests: ['P14 user code that blocks'],
    in: LOSSES,
  },
  {
    name: 'a call that waited through a freeze begins without asking whether it is still held',
    file: 'packages/runner/src/lease-keeper.ts',
    find: 'inDoubt(call) ? ask(call) : undefined',
    replace: 'undefined',
    tests: ['R-04 P13 a call that waited for an executor'],
    in: LOSSES,
  },
  {
    name: 'what another runner has runs on here',
    file: 'packages/runner/src/lease-keeper.ts',
    find: "call.stop({ kind: 'superseded' });",
    replace: '',
    tests: ['P13 the late result of a runner'],
    in: LOSSES,
  },
  {
    name: 'a pick-up whose reply was lost stays where it is',
    file: 'packages/runner/src/put-back-strays.ts',
    find: "if (!backend.holds(id)) strays.push(id, held[i + 1] ?? '');",
    replace: '',
    tests: ['pick-ups whose reply was lost'],
    in: LOSSES,
  },
  {
    name: 'a call that has lost runners shares its runner with others',
    file: 'packages/runner/src/call-processor.ts',
    find: 'facts.pickUp.runnerLosses >= SUSPECT_LOSSES',
    replace: 'false',
    tests: ['a call that keeps losing runners runs alone'],
    in: LOSSES,
  },
  {
    name: 'a draining runner goes on starting calls',
    file: 'packages/runner/src/pick-up.ts',
    find: "if (call.closed) return { kind: 'hand-back' };",
    replace: '',
    tests: ['F34 a draining runner hands everything back'],
    in: PICK_UP,
  },
  {
    name: 'a drain is acknowledged while calls run',
    file: 'packages/runner/src/drain.ts',
    find: 'await worker().whenStill();',
    replace: '',
    tests: ['F34 a drained runner lets its call finish'],
    in: DRAIN,
  },
  {
    name: 'at the end of shutdownTimeout nothing is handed back',
    file: 'packages/runner/src/drain.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of the source
    find: "for (const call of stopped) call.stop({ kind: 'shutdown', reason: `its runner ends (${reason()})` });",
    replace: '',
    tests: ['F38 SIGTERM: what runs may finish'],
    in: DRAIN,
  },
  {
    name: 'the silence of the autoscaler is not noticed',
    file: 'packages/runner/src/terminator.ts',
    find: "onSilent(everMoved ? 'heartbeat' : 'failsafe', Math.round(silentMs));",
    replace: '',
    tests: ['F37 a runner whose autoscaler falls silent'],
    in: DRAIN,
  },
  {
    name: 'a timeout asks, and never kills',
    file: 'packages/runner/src/executor/run.ts',
    find: 'rearm(host.kill, killGraceMs);',
    replace: '',
    tests: ['F08 R-06 a busy loop ends'],
    in: STOP,
  },
  {
    name: 'an executor without its runner looks for no children',
    file: 'packages/runner/src/executor/stragglers.ts',
    find: 'return alive || faultsOfChildren() > 0;',
    replace: 'return false;',
    tests: ['the runner is killed during children that left the group'],
    in: ['packages/runner/test/executor/orphans.test.ts'],
  },
  {
    name: 'only the executor is killed, not its group',
    file: 'packages/runner/src/executor/stragglers.ts',
    find: 'export const killGroup = (pid: number): void => kill(-pid);',
    replace: 'export const killGroup = (pid: number): void => kill(pid);',
    tests: ['R-09 a child that cannot be told'],
    in: STOP,
  },
  {
    name: 'processes that left the group live on',
    file: 'packages/runner/src/executor/process-link.ts',
    find: 'await Promise.all([killMarked(mark), outputEnd(child)]);',
    replace: 'await outputEnd(child);',
    tests: ['R-09 children, detached ones'],
    in: STOP,
  },
  {
    name: 'a value within the grace of a timeout counts',
    file: 'packages/runner/src/executor/run.ts',
    find: "finish(verdict ?? { kind: 'returned', frame: message.frame }, 'free', message.marks);",
    replace: "finish({ kind: 'returned', frame: message.frame }, 'free', message.marks);",
    tests: ['F16 a value or an error that comes within'],
    in: STOP,
  },
  {
    name: 'an executor killed by somebody else is its call’s fault',
    file: 'packages/runner/src/after-run.ts',
    find: 'if (!result.byOutsider) return',
    replace: 'if (true) return',
    tests: ['an executor killed by somebody else costs no retry'],
    in: PLAN,
  },
  {
    name: 'a shutdown costs a call that must not run twice nothing',
    file: 'packages/runner/src/after-run.ts',
    find: 'if (failOnLoss && result.started) {',
    replace: 'if (false) {',
    tests: ['a hand-back is free; with onRunnerLost'],
    in: PLAN,
  },
  {
    name: 'memory is not measured',
    file: 'packages/runner/src/executor/executor.ts',
    find: 'if (run !== undefined && bytes > memoryLimit) {',
    replace: 'if (false) {',
    tests: ['F10 R-08 Buffers, which V8 does not limit'],
    in: CRASH,
  },
] satisfies SabotageSwitch[];
