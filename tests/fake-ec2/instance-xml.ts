import { subnetOf } from './capacity.ts';
import type { Machine, MachineState } from './machine.ts';
import type { XmlValue } from './xml.ts';

const STATE_CODES: Readonly<Record<MachineState, number>> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};

export const stateXml = (state: MachineState): XmlValue => ({ code: STATE_CODES[state], name: state });

export const instanceXml = (machine: Machine, state: MachineState): XmlValue => ({
  instanceId: machine.id,
  imageId: String(machine.params.ImageId ?? ''),
  instanceState: stateXml(state),
  reason: machine.reason(),
  amiLaunchIndex: 0,
  instanceType: machine.type,
  launchTime: new Date(machine.launchedAt).toISOString(),
  placement: { availabilityZone: machine.zone, tenancy: 'default' },
  subnetId: subnetOf(machine),
  clientToken: machine.clientToken ?? '',
  ...(machine.market === 'spot' ? { instanceLifecycle: 'spot' } : {}),
  ...(state === 'terminated' && machine.reason() !== ''
    ? { stateReason: { code: machine.reason(), message: machine.reason() } }
    : {}),
  tagSet: [...machine.tags].map(([key, value]) => ({ key, value })),
});
