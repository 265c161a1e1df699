/** Switches of executors: what they are given, what is put back after a call, and what ends with it. */
import type { SabotageSwitch } from './switch.ts';

const ENVIRONMENT = ['packages/runner/test/executor/environment.test.ts'];
const LEAVINGS = ['packages/runner/test/executor/leavings.test.ts'];
const LOCAL = ['packages/autoscaler/test/local-trust.test.ts'];
const ENV = 'packages/runner/src/executor/executor-env.ts';

export default [
  {
    name: 'executors inherit the whole environment',
    file: ENV,
    find: "else withheld.set(name, 'passEnv');",
    replace: 'else env[name] = value;',
    tests: ['T-03: of the environment executors get', 'T-03: a thread gets no more'],
    in: ENVIRONMENT,
  },
  {
    name: 'a secret passes under another name',
    file: ENV,
    find: 'if (OURS.test(name) || holdsSecret(value, secrets.keys) || holdsSecret(value, secrets.others))',
    replace: 'if (OURS.test(name))',
    tests: ['T-03: secrets of ours pass under no name'],
    in: ENVIRONMENT,
  },
  {
    name: 'nobody hears of a variable that is missing',
    file: 'packages/runner/src/executor/inside/environment.ts',
    find: 'events.onMissed(name, isConfig(frames.find(isCode), configFile));',
    replace: '',
    tests: ['A-26: a function that reads what it was not given', 'A-26: a module that needs a variable'],
    in: ENVIRONMENT,
  },
  {
    name: 'what a module sets while it loads is put back',
    file: 'packages/runner/src/executor/inside/environment.ts',
    find: "if (writer === 'module') {",
    replace: 'if (false as boolean) {',
    tests: ['C-56: what a module sets while it loads'],
    in: ENVIRONMENT,
  },
  {
    name: 'the environment is not put back',
    file: 'packages/runner/src/executor/inside/environment.ts',
    find: 'if (before.size === 0) return;',
    replace: 'if (before.size >= 0) return;',
    tests: ['C-56: a call that deletes, replaces or loads'],
    in: ENVIRONMENT,
  },
  {
    name: 'children of a call stay',
    file: 'packages/runner/src/executor/inside/leavings.ts',
    find: '      spawned = true;',
    replace: '',
    tests: ['C-51: a function that starts a browser', 'C-51: a child that left its group'],
    in: LEAVINGS,
  },
  {
    name: 'ports of a call stay',
    file: 'packages/runner/src/executor/inside/leavings.ts',
    find: '    listened = true;',
    replace: '',
    tests: ['C-58: a port that a call has left open'],
    in: LEAVINGS,
  },
  {
    name: 'what a module starts while it loads counts as a call’s',
    file: 'packages/runner/src/executor/inside/leavings.ts',
    find: "begun && writerOf(framesNow(caller)) !== 'module'",
    replace: 'begun',
    tests: ['C-51: what a module starts while it loads'],
    in: LEAVINGS,
  },
  {
    name: 'a folder of another user is believed',
    file: 'packages/autoscaler/src/backends/local/private-folder.ts',
    find: 'if (why === undefined) return;',
    replace: 'if (why !== undefined || why === undefined) return;',
    tests: ['T-08: a folder that is another user', 'T-08: a link', 'T-08: open to others'],
    in: LOCAL,
  },
  {
    name: 'any process with the right start time counts as a runner',
    file: 'packages/autoscaler/src/backends/local/identity.ts',
    find: 'return pid !== undefined && isRunner(pid, entry.runnerId) ? pid : undefined;',
    replace: 'return pid;',
    tests: ['T-08: an entry that names a process'],
    in: LOCAL,
  },
  {
    name: 'what a runner has started stays',
    file: 'packages/autoscaler/src/backends/local.ts',
    find: 'if (child.pid !== undefined) endGroup(child.pid);',
    replace: '',
    tests: ['C-52: a boot that starts a child', 'C-52: nor does a runner that is killed'],
    in: LOCAL,
  },
  {
    name: 'a call has any module of the application imported',
    file: 'packages/runner/src/executor/inside/closures.ts',
    find: 'if (await isListed(file)) return file;',
    replace: 'return file;',
    tests: ['T-01: a module that is not among'],
    in: ['packages/runner/test/executor/imports.test.ts'],
  },
  {
    name: 'what the kernel has killed counts as killed by somebody',
    file: 'packages/runner/src/executor/classify-end.ts',
    find: 'if (killedFromOutside && oomKills.take())',
    replace: 'if (false as boolean)',
    tests: ['C-31: an executor that the kernel kills'],
    in: ['packages/runner/test/executor/oom.test.ts'],
  },
  {
    name: 'executors are as dear to the kernel as their runner',
    file: 'packages/runner/src/executor/inside/executor-main.ts',
    find: 'offerToKernel();',
    replace: '',
    tests: ['C-31: executors and what they start'],
    in: ['packages/runner/test/executor/oom.test.ts'],
  },
] satisfies SabotageSwitch[];
