/** How code finds out that it runs in an executor, and how it talks to the runner from there. */

/** Set by an executor: sends a request to the runner and resolves with its reply. */
export type NestedTransport = (request: Uint8Array) => Promise<Uint8Array>;
const TRANSPORT = Symbol.for('@flamejs/nested-transport');

export const setNestedTransport = (transport: NestedTransport): void => {
  Object.defineProperty(globalThis, TRANSPORT, { value: transport, configurable: true });
};

export const transportOf = (): NestedTransport | undefined =>
  (globalThis as { [TRANSPORT]?: NestedTransport })[TRANSPORT];

export const isExecutor = (): boolean => transportOf() !== undefined || process.env.FLAME_EXECUTOR === '1';
