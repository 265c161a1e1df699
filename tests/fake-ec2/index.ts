/** Starts a fake EC2 region on a local port, for the real SDK. See README.md. */
import type { Audit } from './audit.ts';
import type { Faults } from './faults.ts';
import type { Machine } from './machine.ts';
import { ACCESS_KEY, type FakeEc2Options, type Knobs, toKnobs } from './options.ts';
import { createRegion } from './region.ts';
import { serve } from './server.ts';

export { ARM_IMAGE, defaultCatalog, X86_IMAGE } from './catalog.ts';
export { type VirtualClock, virtualClock } from './clock.ts';
export type { Fault } from './faults.ts';
export type { LaunchHook, Machine, MachineState, Running } from './machine.ts';
export type { FakeEc2Options } from './options.ts';

export interface FakeEc2 {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Live: change capacity, quota and lags while it runs. */
  readonly knobs: Knobs;
  readonly faults: Faults;
  readonly audit: Audit;
  readonly machines: ReadonlyMap<string, Machine>;
  /** Machines that are not terminated, in truth and not as the API shows them. */
  alive(): readonly Machine[];
  /** (h) Two minutes' notice in the metadata service, then the end. A rebalance recommendation comes with it. */
  interruptSpot(id: string, noticeMs?: number): void;
  /** A rebalance recommendation alone. */
  recommendRebalance(id: string): void;
  /** Somebody stops the instance in the console. */
  stopByHand(id: string): void;
  close(): Promise<void>;
}

export const startFakeEc2 = async (options: FakeEc2Options = {}): Promise<FakeEc2> => {
  const knobs = toKnobs(options);
  const region = createRegion(knobs);
  const http = await serve(region);
  const alive = (): Machine[] => [...region.machines.values()].filter((machine) => machine.state() !== 'terminated');
  const spot = (id: string): Machine => {
    const machine = region.machines.get(id);
    if (machine?.market !== 'spot') throw new Error(`${id} is not a spot instance of this fake`);
    return machine;
  };
  const recommendRebalance = (id: string): void => {
    spot(id).notices.rebalance = { noticeTime: new Date(knobs.clock.now()).toISOString() };
  };
  return {
    endpoint: http.endpoint,
    region: knobs.catalog.region,
    credentials: { accessKeyId: ACCESS_KEY, secretAccessKey: 'secret-of-the-fake' },
    knobs,
    faults: region.faults,
    audit: region.audit,
    machines: region.machines,
    alive,
    interruptSpot: (id, noticeMs = 120_000) => {
      const machine = spot(id);
      const time = new Date(knobs.clock.now() + noticeMs).toISOString().replace(/\.\d+Z$/, 'Z');
      machine.notices.spotAction = { action: 'terminate', time };
      recommendRebalance(id);
      knobs.clock.after(noticeMs, () => machine.terminate('Server.SpotInstanceTermination'));
    },
    recommendRebalance,
    stopByHand: (id) => region.machines.get(id)?.stop(),
    close: async () => {
      for (const machine of alive()) machine.terminate('Server.ScheduledStop');
      await Promise.all(region.stopping);
      await http.close();
    },
  };
};
