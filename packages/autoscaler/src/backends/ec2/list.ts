/** Lists machines: all pages or an error, and those that the index does not show yet. */
import type { DescribeInstancesCommandInput, Filter } from '@aws-sdk/client-ec2';
import { FlameLaunchError, type Instance } from '@flamejs/queue';
import type { Ec2Api } from './client.ts';
import { judge, launchError } from './errors.ts';
import type { Recent } from './recent.ts';
import { TAG } from './tags.ts';
import { toInstance } from './to-instance.ts';

const PAGE = 500;
/** EC2's limit for the values of one filter. */
const FILTER_VALUES = 200;

/** @throws FlameLaunchError: a partial list would look like lost machines. */
export const listInstances = async (
  app: string,
  api: Ec2Api,
  recent: Recent,
  signal: AbortSignal,
): Promise<readonly Instance[]> => {
  const listed = await describeAll(
    // Terminated ones too, which EC2 shows for about an hour: they say why, and that they no longer count.
    [{ Name: `tag:${TAG.app}`, Values: [app] }],
    api,
    signal,
  );
  for (const { id, state } of listed) if (state === 'gone') recent.remove(id);
  const seen = new Set(listed.map(({ id }) => id));
  const unseen = recent.missing(app, seen);
  return unseen.length === 0 ? listed : [...listed, ...(await settleUnseen(unseen, api, recent, signal))];
};

/** By id the index knows more: a machine that it shows as gone is gone, one that it does not show is only late. */
const settleUnseen = async (
  unseen: readonly Instance[],
  api: Ec2Api,
  recent: Recent,
  signal: AbortSignal,
): Promise<readonly Instance[]> => {
  const known = new Map<string, Instance>();
  for (let from = 0; from < unseen.length; from += FILTER_VALUES) {
    const ids = unseen.slice(from, from + FILTER_VALUES).map(({ id }) => id);
    // A filter, not InstanceIds: one id that is not visible yet would fail the whole request.
    const found = await describeAll([{ Name: 'instance-id', Values: ids }], api, signal);
    for (const instance of found) known.set(instance.id, instance);
  }
  return unseen
    .map((instance) => known.get(instance.id) ?? instance)
    .filter((instance) => {
      if (instance.state !== 'gone') return true;
      recent.remove(instance.id);
      return false;
    });
};

/**
 * @param tokens with EC2's wildcards.
 * @returns machines of these client tokens, gone ones included; usually one or none.
 * @throws FlameLaunchError, never of kind `throttled`: whoever looks cannot tell yet, and that is not a no.
 */
export const findByToken = async (
  tokens: readonly string[],
  api: Ec2Api,
  signal: AbortSignal,
): Promise<readonly Instance[]> => {
  try {
    return await describeAll([{ Name: 'client-token', Values: [...tokens] }], api, signal);
  } catch (error) {
    const verdict = judge(error instanceof FlameLaunchError ? error.cause : error);
    throw launchError(
      'look up a client token',
      { ...verdict, kind: verdict.kind === 'throttled' ? 'unknown' : verdict.kind },
      error,
    );
  }
};

const describeAll = async (
  filters: readonly Filter[],
  api: Ec2Api,
  signal: AbortSignal,
): Promise<readonly Instance[]> => {
  const instances: Instance[] = [];
  let token: string | undefined;
  try {
    do {
      const input: DescribeInstancesCommandInput = {
        Filters: [...filters],
        MaxResults: PAGE,
        ...(token === undefined ? {} : { NextToken: token }),
      };
      const page = await api.describeInstances(input, signal);
      for (const { Instances = [] } of page.Reservations ?? [])
        instances.push(...Instances.flatMap((it) => toInstance(it) ?? []));
      token = page.NextToken || undefined;
    } while (token !== undefined);
  } catch (error) {
    throw launchError('list instances', judge(error), error);
  }
  return instances;
};
