/**
 * The names of all keys. Everything of one pool hashes to one slot, so that its scripts are atomic on a cluster too;
 * what belongs to the app as a whole lives in a slot of its own.
 */

export interface AppKeys {
  readonly base: string;
  readonly lease: string;
  readonly epoch: string;
  readonly heartbeat: string;
  readonly intents: string;
  readonly pools: string;
  /** Names of pools that were called. */
  readonly called: string;
  readonly kick: string;
  /** What the leader finds wrong, by pool and name. */
  readonly alerts: string;
}

export interface PoolKeys {
  /** The pool's own name. */
  readonly pool: string;
  /** BullMQ's `prefix`; the queue's name is the pool's name. */
  readonly base: string;
  /** Prefix of BullMQ's own keys, ending in a colon: a job's hash is `<queue><callId>`. */
  readonly queue: string;
  readonly runners: string;
  runner(runnerId: string): string;
  readonly control: string;
  readonly settings: string;
  readonly orders: string;
  readonly history: string;
  /** The history that lasts. */
  historyOf(resolution: 'minutes' | 'quarters'): string;
  /** Who has changed what. */
  readonly audit: string;
  readonly events: string;
  readonly epoch: string;
  /** Names of functions by when they were counted last; each one's numbers stand in `metricsOf`. */
  readonly metrics: string;
  /** What the leader counts of the pool's machines. */
  readonly fleet: string;
  /** Machines that cost something now: their price, and what of their time has been counted. */
  readonly machines: string;
  readonly lastStart: string;
  readonly expiry: string;
  readonly large: string;
  readonly linked: string;
  readonly schedules: string;
  /** Ids of schedules by their next moment, Redis ms. */
  readonly scheduleMoments: string;
  /** @param functionName '' for the pool as a whole */
  metricsOf(functionName: string): string;
  caller(callerId: string): string;
  args(callId: string): string;
  outcome(callId: string): string;
  /** A value or error that is too large to stand in the outcome itself. */
  body(callId: string): string;
  reply(callerId: string): string;
  /** The channel on which a caller hears how its calls ended. */
  told(callerId: string): string;
  progress(callId: string): string;
  /** What is known of the items that a call yields, and the channel of hints that there are more. */
  stream(callId: string): string;
  /** The channel on which a runner hears that its streams are being read. */
  flow(runnerId: string): string;
  /** The channel on which calls are handed over to a runner. */
  hand(runnerId: string): string;
  /** What runners tell of the BullMQ worker that they are: its limiter. */
  readonly worker: string;
  /** Slots of runners that are on offer. */
  readonly free: string;
}

export const appKeys = (prefix: string, app: string): AppKeys => {
  const base = `{${prefix}:${app}}`;
  return {
    base,
    lease: `${base}:lease`,
    epoch: `${base}:epoch`,
    heartbeat: `${base}:heartbeat`,
    intents: `${base}:intents`,
    pools: `${base}:pools`,
    called: `${base}:called-pools`,
    kick: `${base}:kick`,
    alerts: `${base}:alerts`,
  };
};

export const poolKeys = (prefix: string, app: string, pool: string): PoolKeys => {
  const base = `{${prefix}:${app}:${pool}}`;
  return {
    pool,
    base,
    queue: `${base}:${pool}:`,
    runners: `${base}:runners`,
    runner: (runnerId) => `${base}:runner:${runnerId}`,
    control: `${base}:control`,
    settings: `${base}:settings`,
    orders: `${base}:orders`,
    history: `${base}:history`,
    historyOf: (resolution) => `${base}:history:${resolution}`,
    audit: `${base}:audit`,
    events: `${base}:events`,
    epoch: `${base}:epoch`,
    metrics: `${base}:metrics`,
    fleet: `${base}:fleet`,
    machines: `${base}:machines`,
    metricsOf: (functionName) => `${base}:metrics:${functionName}`,
    lastStart: `${base}:last-start`,
    expiry: `${base}:expiry`,
    large: `${base}:large`,
    linked: `${base}:linked`,
    schedules: `${base}:schedules`,
    scheduleMoments: `${base}:schedule-moments`,
    caller: (callerId) => `${base}:caller:${callerId}`,
    args: (callId) => `${base}:args:${callId}`,
    outcome: (callId) => `${base}:outcome:${callId}`,
    body: (callId) => `${base}:body:${callId}`,
    reply: (callerId) => `${base}:reply:${callerId}`,
    told: (callerId) => `${base}:told:${callerId}`,
    progress: (callId) => `${base}:progress:${callId}`,
    stream: (callId) => `${base}:stream:${callId}`,
    flow: (runnerId) => `${base}:flow:${runnerId}`,
    hand: (runnerId) => `${base}:hand:${runnerId}`,
    worker: `${base}:worker`,
    free: `${base}:free`,
  };
};
