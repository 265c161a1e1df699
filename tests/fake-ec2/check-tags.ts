/** Tag rules: at launch by resource type, and afterwards by CreateTags. */
import { Ec2Fault, invalidCombination, invalidValue } from './fault.ts';
import { groups, text } from './params.ts';
import type { Params } from './query.ts';

const TAGGABLE_AT_LAUNCH: ReadonlySet<string> = new Set([
  'instance',
  'volume',
  'network-interface',
  'spot-instances-request',
  'elastic-gpu',
]);

/** @returns tags by resource type. @throws Ec2Fault */
export const checkTagSpecifications = (params: Params, spot: boolean): ReadonlyMap<string, Map<string, string>> => {
  const byType = new Map<string, Map<string, string>>();
  for (const specification of groups(params, 'TagSpecification')) {
    const type = text(specification, 'ResourceType');
    if (type === undefined) throw invalidValue('A tag specification needs a ResourceType.');
    if (!TAGGABLE_AT_LAUNCH.has(type)) {
      throw invalidValue(`'${type}' is not a valid taggable resource type for this operation.`);
    }
    if (byType.has(type)) throw invalidValue(`The resource type ${type} occurs in more than one tag specification.`);
    if (type === 'spot-instances-request' && !spot) {
      throw invalidCombination('spot-instances-request can be tagged only when a Spot Instance is requested.');
    }
    byType.set(type, checkTags(groups(specification, 'Tag')));
  }
  return byType;
};

/** @throws Ec2Fault */
export const checkTags = (tags: readonly Params[]): Map<string, string> => {
  if (tags.length === 0) throw invalidValue('Tag specification must have at least one tag.');
  if (tags.length > 50)
    throw new Ec2Fault('TagLimitExceeded', 'The maximum number of Tags for a resource has been reached.');
  const out = new Map<string, string>();
  for (const tag of tags) {
    const key = text(tag, 'Key') ?? '';
    const value = text(tag, 'Value') ?? '';
    if (key.length === 0) throw invalidValue('Tag key cannot be empty.');
    if (key.length > 128) throw invalidValue('Tag key exceeds the maximum length of 128 characters');
    if (value.length > 256) throw invalidValue('Tag value exceeds the maximum length of 256 characters');
    if (/^aws:/i.test(key)) {
      throw invalidValue(
        `Value ( ${key} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use`,
      );
    }
    if (out.has(key)) throw invalidValue(`Duplicate tag key '${key}' specified.`);
    out.set(key, value);
  }
  return out;
};
