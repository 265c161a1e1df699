/** What a pod says of its runner. Pure. */
import type { Instance, InstanceEnd, InstanceProblem, InstanceState, LaunchErrorKind } from '@flamejs/queue';
import { instanceEnd } from '../instance-end.ts';
import { idOf, isEnded, LABEL, type Pod, RUNNER, terminatedOf } from './pod.ts';

export const toInstance = (
  pod: Pod,
  options: { readonly deleted?: boolean; readonly noRoom?: string } = {},
): Instance => {
  const state = options.deleted ? 'gone' : stateOf(pod);
  const problem = state === 'pending' ? problemOf(pod, options.noRoom) : undefined;
  return {
    id: idOf(pod),
    runnerId: pod.metadata.labels?.[LABEL.runnerId] ?? pod.metadata.name,
    pool: pod.metadata.labels?.[LABEL.pool] ?? '',
    state,
    launchedAt: Date.parse(pod.metadata.creationTimestamp),
    ...(pod.spec?.nodeName === undefined ? {} : { location: pod.spec.nodeName }),
    details: { image: pod.spec?.containers?.find(({ name }) => name === RUNNER)?.image ?? '' },
    ...(problem === undefined ? {} : { problem }),
    ...(state === 'gone' ? { end: endOf(pod) } : {}),
  };
};

const stateOf = (pod: Pod): InstanceState => {
  if (isEnded(pod)) return 'gone';
  if (pod.metadata.deletionTimestamp !== undefined) return 'stopping';
  const state = pod.status?.containerStatuses?.find(({ name }) => name === RUNNER)?.state;
  return state?.running === undefined ? 'pending' : 'running';
};

/** How it ended: what its container says, why the cluster took it away, and its last lines. */
export const endOf = (pod: Pod): InstanceEnd => {
  const terminated = terminatedOf(pod);
  const { reason, message, conditions = [] } = pod.status ?? {};
  const disruption = conditions.find(({ type, status }) => type === 'DisruptionTarget' && status === 'True');
  const taken = disruption?.reason === undefined ? undefined : (DISRUPTIONS[disruption.reason] ?? disruption.reason);
  const own = terminated?.reason === undefined || PLAIN.has(terminated.reason) ? undefined : terminated.reason;
  const told = [taken, reason, own, disruption?.message ?? message].filter(
    (part, i, all) => part !== undefined && part !== '' && all.indexOf(part) === i,
  );
  const signal = terminated === undefined ? undefined : SIGNALS[terminated.exitCode];
  return instanceEnd({
    ...(terminated === undefined ? {} : { exitCode: terminated.exitCode }),
    ...(signal === undefined ? {} : { signal }),
    ...(terminated?.reason === 'OOMKilled' ? { outOfMemory: true } : {}),
    told:
      told.length === 0
        ? terminated === undefined
          ? 'its pod was deleted'
          : undefined
        : told.join(': ').replaceAll('\n', ' '),
    output: terminated?.message ?? '',
  });
};

/** They say no more than the exit code does. */
const PLAIN: ReadonlySet<string> = new Set(['Completed', 'Error', 'OOMKilled']);

/** Above 128 a container's code is 128 and the signal that ended its process. */
const SIGNALS: Readonly<Record<number, string>> = { 134: 'SIGABRT', 137: 'SIGKILL', 139: 'SIGSEGV', 143: 'SIGTERM' };

const DISRUPTIONS: Readonly<Record<string, string>> = {
  EvictionByEvictionAPI: 'evicted',
  PreemptionByScheduler: 'preempted by a pod of higher priority',
  DeletionByTaintManager: 'its node was tainted or lost',
  DeletionByPodGC: 'its node is gone',
  TerminationByKubelet: 'ended by its node',
};

/** Why a pod does not come up, as far as the cluster says. */
const problemOf = (pod: Pod, noRoom: string | undefined): InstanceProblem | undefined => {
  const { conditions = [], containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  for (const { name, state } of [...initContainerStatuses, ...containerStatuses]) {
    const { reason = '', message = '' } = state?.waiting ?? {};
    const final = WAITING[reason];
    if (final === undefined) continue;
    const text = `${reason}${message === '' ? '' : `: ${message}`}`.replaceAll('\n', ' ');
    return { kind: kindOf(message), reason: name === RUNNER ? text : `container ${name}: ${text}`, final };
  }
  const scheduled = conditions.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status !== 'False') return undefined;
  if (noRoom !== undefined) return { kind: 'capacity', reason: `NotTriggerScaleUp: ${noRoom}`, final: true };
  if (scheduled.reason === 'SchedulingGated') return undefined;
  // A cluster that grows makes room for it within the boot time.
  const reason = `${scheduled.reason ?? 'Unschedulable'}: ${scheduled.message ?? 'no node takes it'}`;
  return { kind: 'capacity', reason, final: false };
};

/** Reasons for which a container waits, and whether waiting longer is of no use. */
const WAITING: Readonly<Record<string, boolean>> = {
  ErrImagePull: false,
  ImagePullBackOff: true,
  InvalidImageName: true,
  ErrImageNeverPull: true,
  ImageInspectError: false,
  RegistryUnavailable: false,
  CreateContainerConfigError: true,
  CreateContainerError: false,
};

const kindOf = (message: string): LaunchErrorKind => {
  if (/toomanyrequests|429/i.test(message)) return 'throttled';
  return /unauthorized|authentication required|denied|forbidden|\b40[13]\b/i.test(message) ? 'auth' : 'invalid';
};
