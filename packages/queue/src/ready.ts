/** How `context().ready(value)` travels: as a progress value that nobody else makes. */
const MARK = '@flamejs/ready';

export interface ReadyMark {
  readonly mark: typeof MARK;
  readonly ready: unknown;
}

export const readyMark = (value: unknown): ReadyMark => ({ mark: MARK, ready: value });

export const isReadyMark = (value: unknown): value is ReadyMark =>
  typeof value === 'object' && value !== null && 'mark' in value && value.mark === MARK;
