/** What is remembered of the attempts of a call that did not settle it: the last ten, kept with the call. */

export interface PastAttempt {
  readonly runnerId: string;
  /** Redis ms of its pick-up and of its end. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** In words: its error, why it went back, or that its runner was lost. */
  readonly ended: string;
  /** The last lines that it printed, at most five. */
  readonly lines: readonly string[];
}

/** @returns the attempts, oldest first; none for what cannot be read. Never throws. */
export const parseHistory = (text: string | undefined): readonly PastAttempt[] => {
  if (text === undefined) return [];
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list.map(parseAttempt) : [];
  } catch {
    return [];
  }
};

const parseAttempt = (value: unknown): PastAttempt => {
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
  const text = (name: string): string => String(fields[name] ?? '');
  return {
    runnerId: text('runner'),
    startedAt: Number(fields.at) || 0,
    endedAt: Number(fields.till) || 0,
    ended: text('ended'),
    lines: Array.isArray(fields.lines) ? fields.lines.map(String) : [],
  };
};
