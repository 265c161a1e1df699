/** (f) Faults ordered for the next request of an action: what networks and services do besides refusing. */
import type { Params } from './query.ts';

export type Fault =
  /** The request is applied, then the connection is cut before the answer. */
  | { readonly kind: 'lost-reply' }
  /** The connection is cut before anything happens. */
  | { readonly kind: 'reset' }
  /** The request is applied, the answer comes late (real milliseconds). */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Nothing for `ms`, then it is applied and answered: a request that sits in a queue of the service. */
  | { readonly kind: 'queued'; readonly ms: number }
  /** Refused with this error, nothing applied. */
  | { readonly kind: 'error'; readonly code: string; readonly status: number; readonly message?: string }
  /** Applied, and answered with this error all the same. */
  | { readonly kind: 'error-after'; readonly code: string; readonly status: number };

export interface Faults {
  /** The next `times` requests (1 unless set) of this action that match get this fault. */
  next(action: string, fault: Fault, options?: { times?: number; where?: (params: Params) => boolean }): void;
  take(action: string, params: Params): Fault | undefined;
  clear(): void;
}

export const createFaults = (): Faults => {
  const orders: { action: string; fault: Fault; left: number; where: (params: Params) => boolean }[] = [];
  return {
    next: (action, fault, { times = 1, where = () => true } = {}) => {
      orders.push({ action, fault, left: times, where });
    },
    take: (action, params) => {
      const order = orders.find((it) => it.action === action && it.left > 0 && it.where(params));
      if (order !== undefined) order.left -= 1;
      return order?.fault;
    },
    clear: () => {
      orders.length = 0;
    },
  };
};
