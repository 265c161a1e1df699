/** What of the runner's own command line its executors must not inherit. Pure. */

/** Options that would open a debugger port twice, watch files, run other code, run tests, or write profiles. */
const UNWANTED =
  /^(--inspect|--debug|--watch|--eval|--print|--check|--interactive|--test|--experimental-test|--cpu-prof|--heap-prof|--prof|--heapsnapshot|--trace-sigint|--input-type|--env-file|--title|--run|-e$|-p$|-pe$|-c$|-i$)/;

/** Unwanted ones whose value stands in the next argument when it is not joined with `=`. */
const TAKES_VALUE =
  /^(-e|-p|-pe|--eval|--print|--inspect-port|--debug-port|--inspect-publish-uid|--watch-path|--watch-kill-signal|--test-.+|--cpu-prof-.+|--heap-prof-.+|--heapsnapshot-signal|--heapsnapshot-near-heap-limit|--input-type|--env-file|--env-file-if-exists|--title|--run)$/;

/** Unwanted although they look like the ones above, which stand alone. */
const FLAGS = /^(--test-only|--test-force-exit|--test-update-snapshots|--test-udp-no-try-send)$/;

/** @returns the options that make sense for an executor, in order. */
export const inheritableExecArgv = (execArgv: readonly string[]): readonly string[] => {
  const kept: string[] = [];
  for (let at = 0; at < execArgv.length; at += 1) {
    const option = execArgv[at] ?? '';
    if (!UNWANTED.test(option)) kept.push(option);
    else if (TAKES_VALUE.test(option) && !FLAGS.test(option)) at += 1;
  }
  return kept;
};

/** @returns `NODE_OPTIONS` without the same options, `undefined` when nothing is left. */
export const inheritableNodeOptions = (nodeOptions: string | undefined): string | undefined => {
  if (nodeOptions === undefined) return undefined;
  const kept = inheritableExecArgv(nodeOptions.match(/(?:[^\s"]+|"(?:\\.|[^"\\])*")+/g) ?? []);
  return kept.length === 0 ? undefined : kept.join(' ');
};

const MEGABYTE = 1024 * 1024;
const SMALLEST_HEAP_MB = 24;
/** Of the memory limit, what V8's old space may use; the rest is for its other spaces, Buffers and the program itself. */
const HEAP_SHARE = 0.8;

/** @returns megabytes of old space under a limit of resident memory. */
export const heapMegabytes = (memoryLimit: number): number =>
  Math.max(SMALLEST_HEAP_MB, Math.floor((memoryLimit * HEAP_SHARE) / MEGABYTE));
