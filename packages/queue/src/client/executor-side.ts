/** How code finds out that it runs in an executor, and how it talks to the runner from there. */

/** Set by an executor: sends a request to the runner and resolves with its reply. */
export type NestedTransport = (request: Uint8Array) => Promise<Uint8Array>;
const TRANSPORT = Symbol.for('@flamejs/nested-transport');
const LOADING = Symbol.for('@flamejs/loading');

interface Holder {
  [TRANSPORT]?: NestedTransport;
  [LOADING]?: boolean;
}
/** Shared by all copies of this package. */
const holder = globalThis as Holder;

export const setNestedTransport = (transport: NestedTransport): void => {
  Object.defineProperty(globalThis, TRANSPORT, { value: transport, configurable: true });
};

export const transportOf = (): NestedTransport | undefined => holder[TRANSPORT];

/** An executor is born as one; a look into the environment is no cheap thing for each call. */
const WAS_STARTED_AS_ONE = process.env.FLAME_EXECUTOR === '1';

export const isExecutor = (): boolean => WAS_STARTED_AS_ONE || transportOf() !== undefined;

/** Loads the module that a call needs. What it does at its top level is no part of any call. */
export const whileLoading = async (load: () => Promise<void>): Promise<void> => {
  holder[LOADING] = true;
  try {
    await load();
  } finally {
    holder[LOADING] = false;
  }
};

/** Whether this executor loads modules, before its first call or for one: calls made now would make themselves for ever. */
export const isLoadingModules = (): boolean =>
  isExecutor() && (transportOf() === undefined || holder[LOADING] === true);
