/** Where a call belongs among traces: travels in its signed envelope, so that nobody but its caller says so. W3C's formats. */

export interface TraceCarrier {
  /** `traceparent`. */
  readonly parent: string;
  /** `tracestate`, at most 512 bytes. */
  readonly state?: string;
  /** `baggage`, of the entries that the app lets through, at most 2 KB. */
  readonly baggage?: string;
  /** What runs begins a trace of its own, with a link to the parent: it is nobody's child. */
  readonly follows?: true;
}

const MOST_STATE = 512;
const MOST_BAGGAGE = 2_048;
const PARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

export const isTraceCarrier = (value: unknown): value is TraceCarrier => {
  if (typeof value !== 'object' || value === null) return false;
  const { parent, state, baggage, follows } = value as Readonly<Record<string, unknown>>;
  return (
    typeof parent === 'string' &&
    PARENT.test(parent) &&
    isShort(state, MOST_STATE) &&
    isShort(baggage, MOST_BAGGAGE) &&
    (follows === undefined || follows === true)
  );
};

const isShort = (text: unknown, most: number): boolean =>
  text === undefined || (typeof text === 'string' && Buffer.byteLength(text) <= most);

/** Leaves out what is longer than may travel: it is never cut, for half an entry says something else. */
export const traceCarrier = (parts: {
  readonly parent: string;
  readonly state?: string | undefined;
  readonly baggage?: string | undefined;
  readonly follows?: boolean;
}): TraceCarrier => ({
  parent: parts.parent,
  ...(parts.state && isShort(parts.state, MOST_STATE) ? { state: parts.state } : {}),
  ...(parts.baggage && isShort(parts.baggage, MOST_BAGGAGE) ? { baggage: parts.baggage } : {}),
  ...(parts.follows ? { follows: true as const } : {}),
});
