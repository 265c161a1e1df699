/** The life of an executor from the inside: load the modules, then one call after the other. */

import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { getHeapStatistics } from 'node:v8';
import { currentTelemetry, setNestedTransport } from '@flamejs/queue/internal';
import { MARK_ENV } from '../markers.ts';
import type { BootMessage, CallMessage, ToExecutor } from '../messages.ts';
import { installBlame } from './blame.ts';
import { type ClosureModules, createClosureModules, isManifest } from './closures.ts';
import { type EnvironmentWatch, watchEnvironment } from './environment.ts';
import { type Leavings, watchLeavings } from './leavings.ts';
import { type Leftovers, makeTempDir, rememberState } from './leftovers.ts';
import { describeLoadError } from './load-error.ts';
import { createNested } from './nested.ts';
import { type Ending, type Performance, perform } from './perform.ts';
import type { Port } from './port.ts';

const FLUSH_MS = 500;

export const serve = (port: Port, isProcess: boolean): void => {
  let leftovers: Leftovers | undefined;
  let leavings: Leavings | undefined;
  let closures: ClosureModules | undefined;
  let running: { readonly seq: number; readonly performance: Performance } | undefined;

  const bootFailed = (message: string): never => {
    port.post({ t: 'boot-failed', message });
    process.exit(1);
  };
  const blame = installBlame(port, bootFailed);
  const nested = createNested(port, blame.running);

  const boot = async (message: BootMessage): Promise<void> => {
    const { modules, functions, root, release } = message;
    const environment = prepare(message);
    closures = createClosureModules(root, modules, functions, release);
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
    leftovers = rememberState(environment, isProcess);
    leavings?.begin();
    port.post({ t: 'ready', heapLimit: getHeapStatistics().heap_size_limit });
  };

  /** Before anything of the application is loaded, which may hold on to what it finds. */
  const prepare = ({ tempDir, withheld, configFile, keep }: BootMessage): EnvironmentWatch => {
    makeTempDir(tempDir);
    // A thread shares its children and ports with the runner.
    if (isProcess) leavings = watchLeavings(process.env[MARK_ENV] ?? '', keep);
    return watchEnvironment(withheld, configFile, {
      onMissed: (name, inConfig) => port.post({ t: 'missed-env', name, inConfig }),
      onDoubt: (name) => port.post({ t: 'env-doubt', name }),
    });
  };

  const run = (call: CallMessage): void => {
    port.started(call.seq);
    const performance = perform(call, port, closures, blame);
    const { outcome } = performance;
    if ('t' in outcome) {
      finish(outcome);
      return;
    }
    running = { seq: call.seq, performance };
    void outcome.then(finish);
  };

  const finish = (outcome: Ending): void => {
    running = undefined;
    blame.end();
    nested.forget();
    const left = leavings?.settle();
    outcome.marks = port.marks();
    outcome.unfinished = left !== undefined;
    port.post(outcome);
    clear();
    if (left !== undefined) void left.then((what) => sayLeft(outcome.seq, what));
  };

  const sayLeft = (seq: number, what: string): void =>
    port.post(what === '' ? { t: 'clean', seq } : { t: 'left', seq, what });

  const clear = (): void => {
    try {
      port.restore();
      blame.restore();
      leftovers?.clear();
    } catch (error) {
      port.post({ t: 'late-fault', message: `what a call has changed cannot be put back: ${inspect(error)}` });
    }
  };

  /** Spans of what ran here are sent, when somebody makes any; whoever waits for this process kills it after a while. */
  const exit = async (): Promise<void> => {
    const telemetry = currentTelemetry();
    if (telemetry !== undefined) await Promise.race([telemetry.flush(), sleep(FLUSH_MS)]);
    process.exit(0);
  };

  port.onMessage((message: ToExecutor) => {
    switch (message.t) {
      case 'boot':
        return void boot(message);
      case 'call':
        return run(message);
      case 'abort':
        if (running?.seq === message.seq) running.performance.abort(message.cause, message.reason);
        return;
      case 'credit':
        if (running?.seq === message.seq) running.performance.grant(message);
        return;
      case 'ping':
        return port.post({ t: 'pong', seq: message.seq, n: message.n });
      case 'drain':
        running?.performance.drain(message.reason);
        return;
      case 'reply':
        return nested.onReply(message);
      case 'exit':
        return void exit();
    }
  });
};
