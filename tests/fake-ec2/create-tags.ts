import { checkTags } from './check-tags.ts';
import { notFound } from './describe-instances.ts';
import { Ec2Fault } from './fault.ts';
import { groups, texts } from './params.ts';
import type { Params } from './query.ts';
import type { Region } from './region.ts';
import { visibleById } from './visibility.ts';
import type { XmlValue } from './xml.ts';

/** CreateTags on instances: right after a launch it races with the index, as the real one does. */
export const createTags = (params: Params, region: Region): XmlValue => {
  const tags = checkTags(groups(params, 'Tag'));
  const machines = texts(params, 'ResourceId').map((id) => {
    const machine = region.machines.get(id);
    if (machine === undefined || !visibleById(machine, region)) throw notFound([id]);
    return machine;
  });
  if (params.DryRun === true)
    throw new Ec2Fault('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412);
  for (const machine of machines) for (const [key, value] of tags) machine.tags.set(key, value);
  return { return: true };
};
