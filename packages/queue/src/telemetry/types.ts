/** What makes spans of calls: `otel()`. A seam, so that nothing but that one module knows OpenTelemetry. */
import type { TraceCarrier } from '@flamejs/protocol/trace-carrier';

export type { TraceCarrier };

/** What a span says of its call. */
export interface CallIdentity {
  readonly callId: string;
  readonly functionName: string;
  readonly pool: string;
}

export interface MadeCall extends CallIdentity {
  /** `call` is awaited by its maker. */
  readonly kind: 'call' | 'cast' | 'schedule';
  /** Others may await it too: it has an id of the user's own. */
  readonly shared: boolean;
}

export interface CallerSpan {
  /** What goes with the call; `undefined` when nothing is traced here. */
  readonly carrier: TraceCarrier | undefined;
  /** Ends with the promise. @returns one that settles as it does */
  follow<T>(promise: Promise<T>): Promise<T>;
}

export interface PickedUpCall extends CallIdentity {
  readonly carrier: TraceCarrier;
  readonly attempt: number;
  /** Above 1 after a retry by hand. */
  readonly generation: number;
  readonly runnerId: string;
  readonly release: string;
  readonly runnerLosses: number;
  /** How long it had waited when it was picked up, ms. */
  readonly waitedMs: number;
}

/** How an attempt ended, for its span. */
export interface AttemptEnd {
  readonly outcome: string;
  /** Of an attempt that failed. */
  readonly error?: { readonly name: string; readonly message: string };
}

export interface AttemptSpan {
  /** What its function runs under. Reading it begins the attempt when nothing else has. */
  readonly carrier: TraceCarrier | undefined;
  /** What lines of its log carry; empty when it is not traced. */
  readonly logFields: Readonly<Record<string, string>>;
  /** An executor is free for it: the waiting is over. */
  begun(): void;
  ended(end: AttemptEnd): void;
}

export interface Telemetry {
  readonly name: string;
  /** In the process that makes the call, under what is active there. */
  beginCall(call: MadeCall): CallerSpan;
  /** In the runner. */
  beginAttempt(call: PickedUpCall): AttemptSpan;
  /** In the executor: what `fn` does is below the attempt. */
  run<T>(carrier: TraceCarrier, fn: () => T): T;
  /** Sends what has ended. Bounded by the caller; never rejects. */
  flush(): Promise<void>;
}
