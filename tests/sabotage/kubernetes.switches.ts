/** Switches of the pods' backend: each takes one guard away. */
import type { SabotageSwitch } from './switch.ts';

const src = 'packages/autoscaler/src/backends/kubernetes';
const test = (name: string): string[] => [`packages/autoscaler/test/kubernetes/${name}.test.ts`];

export default [
  {
    name: 'a refusal counts although the pod is there already',
    file: `${src}/launch.ts`,
    find: 'if (there !== undefined) return found(there, request, view);',
    replace: '',
    tests: ['I2 a lost reply is found again even when the quota is full by then'],
    in: test('launch'),
  },
  {
    name: 'a late replay brings a pod back',
    file: `${src}/launch.ts`,
    find: 'if (gone !== undefined) return toInstance(gone, { deleted: true });',
    replace: '',
    tests: ['C-33 how a pod ended'],
    in: test('list'),
  },
  {
    name: 'a view that has heard nothing for long still counts',
    file: `${src}/view.ts`,
    find: 'time.now() - heardAt <= STALE_MS',
    replace: 'time.now() - heardAt <= Number.POSITIVE_INFINITY',
    tests: ['that hears nothing asks anew'],
    in: test('time'),
  },
  {
    name: 'a pod is deleted by force although its runner answers',
    file: `${src}/terminate.ts`,
    find: 'force = outlives(id, pod) && silent.has(id);',
    replace: 'force = outlives(id, pod);',
    tests: ['is never deleted by force while its runner answers'],
    in: test('time'),
  },
  {
    name: 'a secret stands in the pod',
    file: `${src}/pod-spec.ts`,
    find: '      refuseOpen(variable, value, settings);\n',
    replace: '',
    tests: ['no value of a secret stands in a pod'],
    in: test('pods'),
  },
] satisfies SabotageSwitch[];
