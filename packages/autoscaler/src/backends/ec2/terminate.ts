/** Ends machines in batches. One id that EC2 refuses fails its whole request, so a refused batch is taken apart. */
import type { TerminateResult } from '@flamejs/queue';
import type { Ec2Api } from './client.ts';
import { judge } from './errors.ts';
import { pause } from './pause.ts';
import type { Recent } from './recent.ts';

const BATCH = 100;
const LOOKS = 3;
const FIRST_PAUSE_MS = 250;

/** Codes that are about single ids: the others of the batch may still be ended. */
const ABOUT_ONE: ReadonlySet<string> = new Set([
  'InvalidInstanceID.NotFound',
  'InvalidInstanceID.Malformed',
  'InvalidInstanceID.NotLinkable',
  'InvalidInstanceID',
  'IncorrectInstanceState',
  'OperationNotPermitted',
  'UnauthorizedOperation',
  'UnsupportedOperation',
]);

export const terminateInstances = async (
  ids: readonly string[],
  api: Ec2Api,
  recent: Recent,
  signal: AbortSignal,
): Promise<readonly TerminateResult[]> => {
  const unique = [...new Set(ids)];
  const results: TerminateResult[] = [];
  for (let from = 0; from < unique.length; from += BATCH) {
    results.push(...(await terminateBatch(unique.slice(from, from + BATCH), api, recent, signal)));
  }
  return results;
};

const terminateBatch = async (
  ids: readonly string[],
  api: Ec2Api,
  recent: Recent,
  signal: AbortSignal,
  looks = 0,
): Promise<readonly TerminateResult[]> => {
  const [first] = ids;
  if (first === undefined) return [];
  try {
    await api.terminateInstances({ InstanceIds: [...ids] }, signal);
    return ids.map((id) => ({ id, ok: true }));
  } catch (error) {
    const { code, message } = judge(error);
    const refused = ABOUT_ONE.has(code ?? '');
    // Launched a moment ago: EC2 will know it in a moment.
    const early = ids.length === 1 && code === 'InvalidInstanceID.NotFound' && recent.has(first);
    if (early && looks < LOOKS && !signal.aborted) {
      await pause(FIRST_PAUSE_MS * 2 ** looks, signal);
      return terminateBatch(ids, api, recent, signal, looks + 1);
    }
    if (ids.length === 1)
      return [
        refused ? refusedOne(first, code, message, recent) : { id: first, ok: false, error: `${code}: ${message}` },
      ];
    // Throttling, credentials, the network: as true of every part as of the whole, so more requests would not help.
    if (!refused) return ids.map((id) => ({ id, ok: false, error: `${code}: ${message}` }));
    return (await Promise.all(split(ids, message).map((part) => terminateBatch(part, api, recent, signal)))).flat();
  }
};

/** EC2 names the ids it does not like: those one by one, the others together. When it names none, halves. */
const split = (ids: readonly string[], message: string): readonly (readonly string[])[] => {
  const named = new Set(message.match(/\bi-\w+/g) ?? []);
  const good = ids.filter((id) => !named.has(id));
  if (good.length > 0 && good.length < ids.length)
    return [good, ...ids.filter((id) => named.has(id)).map((id) => [id])];
  const half = Math.ceil(ids.length / 2);
  return [ids.slice(0, half), ids.slice(half)];
};

const refusedOne = (id: string, code: string | null, message: string, recent: Recent): TerminateResult => {
  if (code !== 'InvalidInstanceID.NotFound') return { id, ok: false, error: `${code}: ${message}` };
  // Not found means gone, except shortly after a launch, when it means not visible yet.
  if (recent.has(id)) return { id, ok: false, error: 'EC2 does not show this new instance yet; it is tried again' };
  return { id, ok: true };
};
