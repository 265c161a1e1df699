/** The life of an executor from the inside: load the modules, then one call after the other. */
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { getHeapStatistics } from 'node:v8';
import { setNestedTransport } from '@flamejs/queue/internal';
import type { BootMessage, CallMessage, ToExecutor } from '../messages.ts';
import { installBlame } from './blame.ts';
import { type ClosureModules, createClosureModules, isManifest } from './closures.ts';
import { type Leftovers, rememberState } from './leftovers.ts';
import { describeLoadError } from './load-error.ts';
import { createNested } from './nested.ts';
import { type Performance, perform } from './perform.ts';
import type { Port } from './port.ts';

export const serve = (port: Port, isProcess: boolean): void => {
  let leftovers: Leftovers | undefined;
  let closures: ClosureModules | undefined;
  let running: { readonly seq: number; readonly performance: Performance } | undefined;

  const bootFailed = (message: string): never => {
    port.post({ t: 'boot-failed', message });
    process.exit(1);
  };
  const blame = installBlame(port, bootFailed);
  const nested = createNested(port, blame.running);

  const boot = async ({ modules, root, release, tempDir }: BootMessage): Promise<void> => {
    closures = createClosureModules(root, modules, release);
    try {
      await closures.install();
    } catch (error) {
      return bootFailed(`the compiler cannot be used: ${inspect(error)}`);
    }
    for (const module of modules.filter((each) => !isManifest(each))) {
      try {
        await import(module.startsWith('file:') ? module : pathToFileURL(module).href);
      } catch (error) {
        // For whoever looks at the runner's output; callers get the sentence.
        process.stderr.write(`${inspect(error)}\n`);
        return bootFailed(describeLoadError(module, error, root));
      }
    }
    setNestedTransport(nested.request);
    leftovers = rememberState(tempDir, isProcess);
    port.post({ t: 'ready', heapLimit: getHeapStatistics().heap_size_limit });
  };

  const run = async (call: CallMessage): Promise<void> => {
    const { seq } = call;
    port.started(seq);
    const performance = blame.run(seq, () => perform(call, port, closures));
    running = { seq, performance };
    const outcome = await performance.outcome;
    running = undefined;
    blame.end();
    nested.forget();
    port.post({ ...outcome, marks: port.marks() });
    clear();
  };

  const clear = (): void => {
    try {
      port.restore();
      blame.restore();
      leftovers?.clear();
    } catch (error) {
      port.post({ t: 'late-fault', message: `what a call has changed cannot be put back: ${inspect(error)}` });
    }
  };

  port.onMessage((message: ToExecutor) => {
    switch (message.t) {
      case 'boot':
        return void boot(message);
      case 'call':
        return void run(message);
      case 'abort':
        if (running?.seq === message.seq) running.performance.abort(message.cause, message.reason);
        return;
      case 'drain':
        running?.performance.drain(message.reason);
        return;
      case 'reply':
        return nested.onReply(message);
      case 'exit':
        process.exit(0);
    }
  });
};
