/**
 * Spans by OpenTelemetry: `telemetry: otel()` in flame.config. The only module that knows it, so that an app without it needs
 * nothing of it. It makes spans through the API alone; which SDK receives them, and where they go, is the application's to set up.
 */

import { type TraceCarrier, traceCarrier } from '@flamejs/protocol/trace-carrier';
import {
  type Attributes,
  type Context,
  context,
  createTraceState,
  isSpanContextValid,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type {
  AttemptEnd,
  AttemptSpan,
  CallerSpan,
  CallIdentity,
  MadeCall,
  PickedUpCall,
  Telemetry,
} from './telemetry/types.ts';

export interface OtelOptions {
  /** Keys of baggage entries that travel with calls. Default: none. */
  readonly baggage?: readonly string[];
}

/** @returns what `telemetry` of a config takes. It costs nothing while no SDK is set up. */
export const otel = ({ baggage = [] }: OtelOptions = {}): Telemetry => ({
  name: 'otel',
  beginCall: (call) => beginCall(call, baggage),
  beginAttempt,
  run: (carrier, fn) => context.with(contextOf(carrier), fn),
  async flush() {
    // The API has no such thing; every SDK has.
    const provider = trace.getTracerProvider() as Flushable & { getDelegate?(): Flushable };
    await Promise.resolve((provider.getDelegate?.() ?? provider).forceFlush?.()).catch(() => undefined);
  },
});

interface Flushable {
  forceFlush?(): Promise<void>;
}

const tracer = () => trace.getTracer('flamejs');

const beginCall = (call: MadeCall, allowed: readonly string[]): CallerSpan => {
  const { kind, shared, functionName } = call;
  const active = context.active();
  const attributes = { ...attributesOf(call), 'messaging.operation.type': 'send', 'messaging.operation.name': kind };
  const span = tracer().startSpan(`${kind} ${functionName}`, { kind: SpanKind.PRODUCER, attributes }, active);
  const own = span.spanContext();
  const awaited = kind === 'call' && !shared;
  return {
    carrier: isSpanContextValid(own)
      ? carrierOf(awaited ? own : beginning(call, own, attributes), active, allowed, kind === 'schedule')
      : undefined,
    follow: (promise) =>
      promise.then(
        (value) => {
          span.end();
          return value;
        },
        (error: unknown) => {
          fail(span, asError(error));
          span.end();
          throw error;
        },
      ),
  };
};

/** What nobody awaits is not below its maker, which may end long before it: it begins a trace, with a link. */
const beginning = (call: MadeCall, maker: SpanContext, attributes: Attributes): SpanContext => {
  if (call.kind === 'schedule') return maker;
  const options = { kind: SpanKind.PRODUCER, attributes, root: true, links: [{ context: maker }] };
  const span = tracer().startSpan(call.functionName, options, ROOT_CONTEXT);
  span.end();
  return span.spanContext();
};

const carrierOf = (
  { traceId, spanId, traceFlags, traceState }: SpanContext,
  active: Context,
  allowed: readonly string[],
  follows: boolean,
): TraceCarrier => {
  const entries = (allowed.length === 0 ? undefined : propagation.getBaggage(active))?.getAllEntries() ?? [];
  return traceCarrier({
    parent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    state: traceState?.serialize(),
    baggage: entries
      .filter(([key]) => allowed.includes(key))
      .map(([key, { value }]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`)
      .join(','),
    follows,
  });
};

const spanContextOf = ({ parent, state }: TraceCarrier): SpanContext => {
  const [, traceId = '', spanId = '', flags = '00'] = parent.split('-');
  return {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
    ...(state === undefined ? {} : { traceState: createTraceState(state) }),
  };
};

const contextOf = (carrier: TraceCarrier): Context => {
  const parent = trace.setSpanContext(ROOT_CONTEXT, spanContextOf(carrier));
  if (carrier.baggage === undefined) return parent;
  try {
    const pairs = carrier.baggage.split(',').map((pair) => pair.split('=').map(decodeURIComponent));
    const entries = Object.fromEntries(pairs.map(([key = '', value = '']) => [key, { value }]));
    return propagation.setBaggage(parent, propagation.createBaggage(entries));
  } catch {
    // Not as we encode it: the call is not worse for it.
    return parent;
  }
};

/** Times are this machine's, and lengths its monotonic clock's: no clock of another machine can make a span end before it begins. */
const beginAttempt = (call: PickedUpCall): AttemptSpan => {
  const { carrier, generation, functionName } = call;
  // A retry by hand is somebody's new decision, and not part of what the call's maker was doing.
  const follows = carrier.follows === true || generation > 1;
  const links: Link[] = follows ? [{ context: spanContextOf(carrier) }] : [];
  const attributes = {
    ...attributesOf(call),
    'flame.attempt': call.attempt,
    'flame.generation': generation,
    'flame.runner.id': call.runnerId,
    'flame.runner.losses': call.runnerLosses,
    'flame.release': call.release,
  };
  const pickedUpAt = performance.now();
  const wallAt = Date.now();
  const since = wallAt - Math.max(0, call.waitedMs);
  const wall = (): number => wallAt + performance.now() - pickedUpAt;
  const parent = contextOf(carrier);
  const waiting = tracer().startSpan(
    `wait ${functionName}`,
    { attributes, links, root: follows, startTime: since },
    parent,
  );
  let attempt: Span | undefined;

  const begin = (): Span => {
    if (attempt !== undefined) return attempt;
    const at = wall();
    waiting.end(at);
    attempt = tracer().startSpan(
      `process ${functionName}`,
      {
        kind: SpanKind.CONSUMER,
        attributes: { ...attributes, 'messaging.operation.type': 'process', 'messaging.operation.name': 'process' },
        links,
        startTime: at,
      },
      follows ? trace.setSpan(parent, waiting) : parent,
    );
    return attempt;
  };

  return {
    get carrier() {
      const own = begin().spanContext();
      const { baggage } = carrier;
      return isSpanContextValid(own)
        ? { ...carrierOf(own, ROOT_CONTEXT, [], false), ...(baggage === undefined ? {} : { baggage }) }
        : undefined;
    },
    get logFields(): Readonly<Record<string, string>> {
      const own = (attempt ?? waiting).spanContext();
      return isSpanContextValid(own) ? { trace_id: own.traceId, span_id: own.spanId } : {};
    },
    begun: () => void begin(),
    ended({ outcome, error }: AttemptEnd) {
      const span = attempt ?? waiting;
      span.setAttribute('flame.outcome', outcome);
      if (error !== undefined) fail(span, error);
      span.end(wall());
    },
  };
};

/** By the semantic conventions for messaging; the pool is the destination. */
const attributesOf = ({ callId, functionName, pool }: CallIdentity): Attributes => ({
  'messaging.system': 'flame',
  'messaging.destination.name': pool,
  'messaging.message.id': callId,
  'flame.function': functionName,
});

const fail = (span: Span, { name, message }: { readonly name: string; readonly message: string }): void => {
  span.recordException({ name, message });
  span.setAttribute('error.type', name);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
};

const asError = (error: unknown): { readonly name: string; readonly message: string } =>
  error instanceof Error
    ? { name: error.name, message: error.message }
    : { name: typeof error, message: String(error) };
