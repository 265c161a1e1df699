/** TerminateInstances: one id that is malformed or unknown fails the whole request. */
import { notFound } from './describe-instances.ts';
import { Ec2Fault, invalidValue } from './fault.ts';
import { stateXml } from './instance-xml.ts';
import type { Machine } from './machine.ts';
import { texts } from './params.ts';
import type { Params } from './query.ts';
import type { Region } from './region.ts';
import { visibleById } from './visibility.ts';
import type { XmlValue } from './xml.ts';

const MAX_IDS = 1000;

export const terminateInstances = (params: Params, region: Region): XmlValue => {
  const ids = texts(params, 'InstanceId');
  if (ids.length > MAX_IDS) throw invalidValue(`At most ${MAX_IDS} instances can be terminated at once.`);
  const malformed = ids.find((id) => !/^i-[0-9a-f]{8,17}$/.test(id));
  if (malformed !== undefined) throw new Ec2Fault('InvalidInstanceID.Malformed', `Invalid id: "${malformed}"`);
  const found: Machine[] = [];
  const absent: string[] = [];
  for (const id of new Set(ids)) {
    const machine = region.machines.get(id);
    if (machine === undefined || !visibleById(machine, region)) absent.push(id);
    else found.push(machine);
  }
  if (absent.length > 0) throw notFound(absent);
  if (params.DryRun === true)
    throw new Ec2Fault('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412);

  // Protection blocks its whole zone; the instances of other zones are terminated, and the request fails all the same.
  const blocked = found.find((machine) => machine.protectedFromTermination);
  const zones = new Set(found.filter((machine) => machine.protectedFromTermination).map(({ zone }) => zone));
  const changes = found
    .filter(({ zone }) => !zones.has(zone))
    .map((machine) => {
      const previousState = machine.state();
      machine.terminate('Client.UserInitiatedShutdown');
      const current = machine.state() === 'terminated' ? 'terminated' : 'shutting-down';
      return { instanceId: machine.id, previousState: stateXml(previousState), currentState: stateXml(current) };
    });
  if (blocked !== undefined) {
    throw new Ec2Fault(
      'OperationNotPermitted',
      `The instance '${blocked.id}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.`,
    );
  }
  return { instancesSet: changes };
};
