/** The methods of a job that a processor has on a runner: each is passed on to BullMQ's own job, in the runner's process. */

/** Beyond those of BullMQ's sandbox: what processors are seen to call, and what neither waits for other jobs nor ends this one. */
export interface JobMethods<Data> {
  updateProgress(progress: unknown): Promise<void>;
  log(row: string): Promise<number>;
  updateData(data: Data): Promise<void>;
  /** Followed by `throw new DelayedError()`. @param timestamp epoch milliseconds */
  moveToDelayed(timestamp: number, token?: string): Promise<void>;
  /** Followed by `throw new WaitingError()`. */
  moveToWait(token?: string): Promise<unknown>;
  /** @returns whether it waits now: then `throw new WaitingChildrenError()` */
  moveToWaitingChildren(token: string, options?: object): Promise<boolean>;
  getChildrenValues<Value = unknown>(): Promise<Record<string, Value>>;
  getIgnoredChildrenFailures(): Promise<Record<string, string>>;
  getFailedChildrenValues(): Promise<Record<string, string>>;
  getDependencies(options?: object): Promise<Record<string, unknown>>;
  getDependenciesCount(options?: object): Promise<Record<string, number>>;
  removeChildDependency(): Promise<boolean>;
  removeUnprocessedChildren(): Promise<void>;
  removeDeduplicationKey(): Promise<boolean>;
  clearLogs(keepLogs?: number): Promise<void>;
  changePriority(options: { priority?: number; lifo?: boolean }): Promise<void>;
  extendLock(token: string, duration: number): Promise<number>;
  getState(): Promise<string>;
  isActive(): Promise<boolean>;
  isCompleted(): Promise<boolean>;
  isFailed(): Promise<boolean>;
  isDelayed(): Promise<boolean>;
  isWaiting(): Promise<boolean>;
  isWaitingChildren(): Promise<boolean>;
}

type MethodName = keyof JobMethods<unknown>;

const TABLE: Readonly<Record<MethodName, true>> = {
  updateProgress: true,
  log: true,
  updateData: true,
  moveToDelayed: true,
  moveToWait: true,
  moveToWaitingChildren: true,
  getChildrenValues: true,
  getIgnoredChildrenFailures: true,
  getFailedChildrenValues: true,
  getDependencies: true,
  getDependenciesCount: true,
  removeChildDependency: true,
  removeUnprocessedChildren: true,
  removeDeduplicationKey: true,
  clearLogs: true,
  changePriority: true,
  extendLock: true,
  getState: true,
  isActive: true,
  isCompleted: true,
  isFailed: true,
  isDelayed: true,
  isWaiting: true,
  isWaitingChildren: true,
};

/** Names of the methods that are passed on. */
export const JOB_METHODS = Object.keys(TABLE) as readonly MethodName[];

/** What else BullMQ's Job has, in the versions that applications use: asking for one of these is an error that names it. */
export const MISSING_METHODS: readonly string[] = [
  ...[
    'addJob',
    'asJSON',
    'asJSONSandbox',
    'changeDelay',
    'discard',
    'getSpanOperation',
    'isInState',
    'moveToCompleted',
  ],
  ...['moveToFailed', 'promote', 'queue', 'remove', 'retry', 'scripts', 'shouldRetryJob', 'waitUntilFinished'],
];
