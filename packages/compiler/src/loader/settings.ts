/** What the main thread tells the hooks. */
import type { CompilerOptions } from '../options.ts';

/** Crosses threads, so data only. */
export interface HookData {
  readonly root: string;
  readonly options: CompilerOptions;
  readonly entry: string | undefined;
}

/** Shown once by Node, with its code, and silenced like any warning of the process (`--no-warnings`). */
export const warnOnProcess = (text: string, code: string): void => {
  process.emitWarning(`\n${text}`, { type: 'FlameWarning', code });
};
