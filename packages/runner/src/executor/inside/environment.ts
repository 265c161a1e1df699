/**
 * `process.env` of an executor: what calls write is written down, so that it can be put back without a look at every variable;
 * and names are noticed that the application reads and was not given.
 */
import { syncBuiltinESMExports } from 'node:module';
import { type Frame, framesNow, isApplication, writerOf } from './writer.ts';

export interface EnvironmentWatch {
  /** From now on what is written is a call's, unless a module that loads writes it. */
  begin(): void;
  /** Puts back what calls have written. Costs nothing when they have not. */
  restore(): void;
}

export interface EnvironmentEvents {
  /** Once for each name. @param inConfig only flame.config asks, which may do without it here */
  onMissed(name: string, inConfig: boolean): void;
  /** Once for each name: it was put back, although it may have been a module that set it. */
  onDoubt(name: string): void;
}

/** @param withheld names that the runner has and this process has not. @param configFile path of flame.config, if it has one */
export const watchEnvironment = (
  withheld: readonly string[],
  configFile: string | undefined,
  events: EnvironmentEvents,
): EnvironmentWatch => {
  const real = process.env;
  const missing = new Set(withheld);
  const doubted = new Set<string>();
  /** Values of before, `undefined` for none. */
  const before = new Map<string, string | undefined>();
  let begun = false;

  const noteRead = (name: string, caller: (...args: never) => unknown): void => {
    const frames = framesNow(caller);
    if (!isApplication(frames)) return;
    missing.delete(name);
    events.onMissed(name, isConfig(frames.find(isCode), configFile));
  };
  const noteWrite = (name: string, caller: (...args: never) => unknown): void => {
    missing.delete(name);
    if (!begun) return;
    const writer = writerOf(framesNow(caller));
    if (writer === 'module') {
      before.delete(name);
      return;
    }
    if (!before.has(name)) before.set(name, real[name]);
    if (writer === 'call' || doubted.has(name)) return;
    doubted.add(name);
    events.onDoubt(name);
  };

  const traps: ProxyHandler<NodeJS.ProcessEnv> = {
    get(target, name) {
      if (missing.size > 0 && typeof name === 'string' && missing.has(name)) noteRead(name, traps.get as never);
      return Reflect.get(target, name);
    },
    has(target, name) {
      if (missing.size > 0 && typeof name === 'string' && missing.has(name)) noteRead(name, traps.has as never);
      return Reflect.has(target, name);
    },
    set(target, name, value) {
      if (typeof name === 'string') noteWrite(name, traps.set as never);
      return Reflect.set(target, name, value);
    },
    defineProperty(target, name, descriptor) {
      if (typeof name === 'string') noteWrite(name, traps.defineProperty as never);
      return Reflect.defineProperty(target, name, descriptor);
    },
    deleteProperty(target, name) {
      if (typeof name === 'string') noteWrite(name, traps.deleteProperty as never);
      return Reflect.deleteProperty(target, name);
    },
  };
  process.env = new Proxy(real, traps);
  watchLoadEnvFile(real, (name) => noteWrite(name, watchLoadEnvFile));
  // For those who import `env` itself.
  syncBuiltinESMExports();

  return {
    begin: () => {
      begun = true;
    },
    restore: () => {
      if (before.size === 0) return;
      for (const [name, value] of before)
        if (value === undefined) delete real[name];
        else real[name] = value;
      before.clear();
    },
  };
};

/** Node reads the file and writes past any proxy: what it will add is written down before. It replaces nothing. */
const watchLoadEnvFile = (real: NodeJS.ProcessEnv, onWrite: (name: string) => void): void => {
  const load = process.loadEnvFile as typeof process.loadEnvFile | undefined;
  if (load === undefined) return;
  process.loadEnvFile = (path) => {
    const known = new Set(Object.keys(real));
    load.call(process, path);
    for (const name of Object.keys(real)) {
      if (known.has(name)) continue;
      const value = real[name] ?? '';
      delete real[name];
      onWrite(name);
      real[name] = value;
    }
  };
};

const isCode = ({ file }: Frame): boolean =>
  file !== '' && !file.startsWith('node:') && !/[\\/]node_modules[\\/]/.test(file);

const isConfig = (frame: Frame | undefined, configFile: string | undefined): boolean =>
  frame !== undefined &&
  (configFile === undefined
    ? /[\\/]flame\.config\.[cm]?[jt]s(\?.*)?$/.test(frame.file)
    : frame.file.replace(/\?.*$/, '').endsWith(configFile));
