import type { Instance as SdkInstance } from '@aws-sdk/client-ec2';
import type { Instance, InstanceEnd, InstanceState } from '@flamejs/queue';
import { instanceEnd } from '../instance-end.ts';
import { TAG } from './tags.ts';

const STATES: Readonly<Record<string, InstanceState>> = {
  pending: 'pending',
  running: 'running',
  'shutting-down': 'stopping',
  stopping: 'stopping',
  // Nothing of ours stops a machine, but people do. It still costs its disk, so it is not gone.
  stopped: 'stopping',
  terminated: 'gone',
};

/** EC2's message begins with its code more often than not. */
const endOf = ({ StateReason, StateTransitionReason }: SdkInstance): InstanceEnd => {
  const { Code = '', Message = '' } = StateReason ?? {};
  const told = Message.startsWith(Code) ? Message : `${Code}: ${Message}`;
  return instanceEnd({ told: told === '' ? (StateTransitionReason ?? '') : told });
};

/** @returns `undefined` for what carries no runner id, or no id at all. */
export const toInstance = (from: SdkInstance): Instance | undefined => {
  const tags = new Map((from.Tags ?? []).map(({ Key, Value }) => [Key ?? '', Value ?? '']));
  const runnerId = tags.get(TAG.runnerId);
  if (from.InstanceId === undefined || runnerId === undefined) return undefined;
  const zone = from.Placement?.AvailabilityZone;
  return {
    id: from.InstanceId,
    runnerId,
    pool: tags.get(TAG.pool) ?? '',
    // A state that this version does not know is not a reason to forget a machine that costs money.
    state: STATES[from.State?.Name ?? ''] ?? 'pending',
    launchedAt: from.LaunchTime?.getTime() ?? 0,
    ...(zone === undefined ? {} : { location: zone }),
    details: {
      type: from.InstanceType ?? 'unknown',
      market: from.InstanceLifecycle === 'spot' ? 'spot' : 'on-demand',
      specHash: tags.get(TAG.specHash) ?? '',
      ...(from.StateReason?.Code === undefined ? {} : { stateReason: from.StateReason.Code }),
    },
    ...(from.State?.Name === 'terminated' ? { end: endOf(from) } : {}),
  };
};
