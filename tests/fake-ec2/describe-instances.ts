/** DescribeInstances: by id or by filter, in pages, late, and in no order that one may rely on. */
import { Ec2Fault, invalidCombination, invalidValue } from './fault.ts';
import { instanceXml } from './instance-xml.ts';
import type { Machine } from './machine.ts';
import { groups, integer, text, texts } from './params.ts';
import type { Params } from './query.ts';
import { hexId, type Region } from './region.ts';
import { visibleByFilter, visibleById } from './visibility.ts';
import type { XmlValue } from './xml.ts';

export const describeInstances = (params: Params, region: Region): XmlValue => {
  const ids = texts(params, 'InstanceId');
  const size = integer(params, 'MaxResults');
  if (size !== undefined && ids.length > 0) {
    throw invalidCombination('The parameter instancesSet cannot be used with the parameter maxResults');
  }
  if (size !== undefined && (size < 5 || size > 1000)) {
    throw invalidValue(`Value (${size}) for parameter maxResults is invalid. Expecting a value between 5 and 1000.`);
  }
  if (params.DryRun === true)
    throw new Ec2Fault('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412);
  const matches = groups(params, 'Filter').map((filter) => compileFilter(filter));
  const query = JSON.stringify([params.Filter, params.InstanceId]);
  const token = text(params, 'NextToken');
  const remaining = token === undefined ? select(ids, region, matches) : continued(token, query, region);
  const page = remaining.slice(0, Math.min(size ?? region.knobs.pageLimit, region.knobs.pageLimit));
  const rest = remaining.slice(page.length);
  let nextToken: string | undefined;
  if (rest.length > 0) {
    nextToken = hexId('page');
    region.pages.set(nextToken, { ids: rest, query });
  }
  return {
    reservationSet: page.flatMap((id) => {
      const machine = region.machines.get(id);
      if (machine === undefined) return [];
      return [
        {
          reservationId: hexId('r'),
          ownerId: '123456789012',
          instancesSet: [instanceXml(machine, machine.reportedState())],
        },
      ];
    }),
    nextToken,
  };
};

const select = (
  ids: readonly string[],
  region: Region,
  matches: readonly ((machine: Machine) => boolean)[],
): readonly string[] => {
  const named = ids.map((id) => {
    if (!/^i-[0-9a-f]{8,17}$/.test(id)) throw new Ec2Fault('InvalidInstanceID.Malformed', `Invalid id: "${id}"`);
    return id;
  });
  const absent = named.filter((id) => {
    const machine = region.machines.get(id);
    return machine === undefined || !visibleById(machine, region);
  });
  if (absent.length > 0) throw notFound(absent);
  const pool = named.length > 0 ? named.flatMap((id) => region.machines.get(id) ?? []) : [...region.machines.values()];
  return pool
    .filter((machine) => named.length > 0 || visibleByFilter(machine, region))
    .filter((machine) => matches.every((match) => match(machine)))
    .map(({ id }) => id)
    .sort((a, b) => (a < b ? 1 : -1));
};

const continued = (token: string, query: string, region: Region): readonly string[] => {
  const page = region.pages.get(token);
  if (page === undefined || page.query !== query) {
    throw invalidValue(`The token '${token}' is invalid or belongs to another request.`);
  }
  return page.ids;
};

export const notFound = (ids: readonly string[]): Ec2Fault =>
  ids.length === 1
    ? new Ec2Fault('InvalidInstanceID.NotFound', `The instance ID '${ids[0]}' does not exist`)
    : new Ec2Fault('InvalidInstanceID.NotFound', `The instance IDs '${ids.join(', ')}' do not exist`);

const FILTERS: Readonly<Record<string, (machine: Machine) => string>> = {
  'instance-id': ({ id }) => id,
  'instance-type': ({ type }) => type,
  'availability-zone': ({ zone }) => zone,
  'client-token': ({ clientToken }) => clientToken ?? '',
  'instance-state-name': (machine) => machine.reportedState(),
  'instance-lifecycle': ({ market }) => (market === 'spot' ? 'spot' : ''),
};

const compileFilter = (filter: Params): ((machine: Machine) => boolean) => {
  const name = text(filter, 'Name') ?? '';
  const values = texts(filter, 'Value');
  if (values.length === 0) throw new Ec2Fault('MissingParameter', `The filter '${name}' needs at least one value`);
  if (values.length > 200)
    throw new Ec2Fault('FilterLimitExceeded', 'The maximum number of filter values specified on a single call is 200');
  const patterns = values.map(toPattern);
  const hit = (value: string): boolean => patterns.some((pattern) => pattern.test(value));
  if (name === 'tag-key') return (machine) => [...machine.tags.keys()].some(hit);
  if (name.startsWith('tag:')) {
    return (machine) => {
      const value = machine.tags.get(name.slice(4));
      return value !== undefined && hit(value);
    };
  }
  const read = FILTERS[name];
  if (read === undefined) throw invalidValue(`The filter '${name}' is invalid`);
  return (machine) => hit(read(machine));
};

/** EC2's wildcards: `*` for any characters, `?` for one. */
const toPattern = (value: string): RegExp =>
  new RegExp(
    `^${value
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
    's',
  );
