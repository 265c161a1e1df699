/** The program: runs, and leaves nothing behind, also after Ctrl-C. */
import { run } from './run.ts';

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => interruption.abort(new Error(`stopped by ${signal}`)));
}

try {
  await run(interruption.signal);
} catch (error) {
  console.error(interruption.signal.aborted ? `\n${interruption.signal.reason.message}` : error);
  process.exitCode = interruption.signal.aborted ? 130 : 1;
}
