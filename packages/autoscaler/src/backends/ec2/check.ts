/** Asks EC2 whether it would let us, with DryRun: it proves permissions and parameters, not capacity. */
import type { LaunchRequest } from '@flamejs/queue';
import type { Ec2Api } from './client.ts';
import { judge, launchError, type Verdict } from './errors.ts';
import { listOfferings } from './offerings.ts';
import type { Ec2Settings } from './options.ts';
import { runRequest } from './run-request.ts';

/** A launch like a real one, of a runner that will never be. */
const PROBE: LaunchRequest = {
  app: 'flame-check',
  pool: 'check',
  runnerId: 'check',
  attempt: 0,
  release: 'check',
  maxConcurrency: 1,
  env: {},
  secrets: {},
};
const NO_INSTANCE = 'i-00000000000000000';

/** @throws FlameLaunchError that names the request and what EC2 said. */
export const checkAccess = async (settings: Ec2Settings, api: Ec2Api, signal: AbortSignal): Promise<void> => {
  await wouldSucceed('list instances', () => api.describeInstances({ DryRun: true }, signal));
  const offerings = listOfferings(settings);
  for (const market of settings.markets) {
    const offering = offerings.find((it) => it.market === market);
    if (offering === undefined) continue;
    const { ClientToken: _, ...input } = runRequest(PROBE, offering, settings);
    await wouldSucceed(`launch ${market} instances`, () => api.runInstances({ ...input, DryRun: true }, signal));
  }
  await wouldSucceed('terminate instances', () =>
    api.terminateInstances({ InstanceIds: [NO_INSTANCE], DryRun: true }, signal),
  );
};

const wouldSucceed = async (doing: string, send: () => Promise<unknown>): Promise<void> => {
  let verdict: Verdict;
  let cause: unknown;
  try {
    await send();
    return;
  } catch (error) {
    cause = error;
    verdict = judge(error);
  }
  // DryRunOperation is EC2's yes. That there is no such instance is said only to those who may terminate.
  if (verdict.code === 'DryRunOperation' || verdict.code === 'InvalidInstanceID.NotFound') return;
  throw launchError(doing, verdict, cause);
};
