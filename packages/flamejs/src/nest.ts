/** Flame in a NestJS application: `imports: [FlameModule.forRoot(flame)]`, and providers inside of tasks. */

import type { Flame } from '@flamejs/queue';
import { FlameConfigError } from '@flamejs/queue/errors';

/** What the Flame object is injected by: `constructor(@Inject(FLAME) private readonly flame: Flame) {}`. */
export const FLAME = Symbol.for('flamejs/nest');

// As Nest has it.
// biome-ignore lint/suspicious/noExplicitAny: the arguments of a constructor are for Nest to find
type Class<T = any> = new (...args: any[]) => T;
type Token<T> = (abstract new (...args: never) => T) | string | symbol;

interface NestModule {
  readonly module: Class;
  readonly global: boolean;
  readonly providers: { provide: symbol; useValue: unknown }[];
  readonly exports: symbol[];
}

/** The providers of a module, in the process that runs a task. */
export interface TaskModule {
  /** @returns a provider of the module. The first call makes the module's context, once for each executor. */
  get<T>(token: Token<T>): Promise<T>;
  /** Ends the context: `onModuleDestroy` and the like are called. Another `get` makes another. */
  close(): Promise<void>;
}

interface Context {
  get(token: unknown, options: { strict: false }): unknown;
  close(): Promise<void>;
}

// biome-ignore lint/complexity/noStaticOnlyClass: a module of Nest is a class
export class FlameModule {
  /**
   * Makes `flame` injectable everywhere as `FLAME`, and closes it when the application is closed.
   * @example @Module({ imports: [FlameModule.forRoot(flame)] }) export class AppModule {}
   */
  static forRoot(flame: Flame): NestModule {
    const closer = { onApplicationShutdown: () => flame.close() };
    return {
      module: FlameModule,
      global: true,
      providers: [
        { provide: FLAME, useValue: flame },
        { provide: Symbol('flamejs/nest/close'), useValue: closer },
      ],
      exports: [FLAME],
    };
  }

  /**
   * Providers for tasks: an application context of this module alone, made at the first use and kept as long as the executor
   * lives. Keep what starts by itself out of it: schedulers and consumers would run in each executor.
   *
   * @param load the module, as a function, so that callers who only name the task do not load it.
   * @example const tasks = FlameModule.forTasks(async () => (await import('../reports.module.js')).ReportsModule);
   *   export const report = flame.fn('report', async (id: string) => (await tasks.get(Reports)).build(id));
   */
  static forTasks(load: () => Class | Promise<Class>): TaskModule {
    let making: Promise<Context> | undefined;
    return {
      async get<T>(token: Token<T>): Promise<T> {
        making ??= createContext(load);
        try {
          return (await making).get(token, { strict: false }) as T;
        } catch (error) {
          // A context that could not be made is tried again by the next call.
          if (await isRejected(making)) making = undefined;
          throw error;
        }
      },
      async close() {
        const made = making;
        making = undefined;
        await (await made?.catch(() => undefined))?.close();
      },
    };
  }
}

const isRejected = (promise: Promise<unknown> | undefined): Promise<boolean> =>
  Promise.resolve(promise).then(
    () => false,
    () => true,
  );

const createContext = async (load: () => Class | Promise<Class>): Promise<Context> => {
  const { NestFactory } = await nestCore();
  const module = await load();
  refuseStarters(module);
  try {
    return await NestFactory.createApplicationContext(module, { logger: ['error', 'warn'], abortOnError: false });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `the context of ${module.name} could not be made: ${why}`;
    throw new FlameConfigError(message, { cause, problems: [{ path: 'forTasks', message }], advice: COMPILED });
  }
};

const COMPILED =
  "Runners must load what `nest build` wrote (functions: ['./dist/tasks/*.js']): loaders such as tsx leave out the types of constructors, by which Nest injects.";

interface NestCore {
  readonly NestFactory: { createApplicationContext(module: unknown, options: object): Promise<Context> };
}

const nestCore = async (): Promise<NestCore> => {
  const name = '@nestjs/core';
  try {
    return (await import(name)) as NestCore;
  } catch (cause) {
    const message = 'FlameModule.forTasks needs @nestjs/core: run `npm install @nestjs/core @nestjs/common`';
    throw new FlameConfigError(message, { cause, problems: [{ path: 'forTasks', message }] });
  }
};

/** Modules that begin to work by themselves, by the names of their classes: schedulers, consumers, listeners. */
const STARTERS = /^(ScheduleModule|BullModule|BullRootModule|EventEmitterModule)$/;

/** @throws FlameConfigError that names the first import that would start work in every executor. */
const refuseStarters = (module: Class, seen = new Set<unknown>(), via: readonly string[] = []): void => {
  if (seen.has(module)) return;
  seen.add(module);
  for (const imported of importsOf(module)) {
    const inner = moduleOf(imported);
    if (inner === undefined) continue;
    const path = [...via, module.name, inner.name];
    if (STARTERS.test(inner.name)) {
      const message = `${path.join(' > ')} starts work by itself, and would in every executor: leave it out of the module of tasks`;
      throw new FlameConfigError(message, { problems: [{ path: 'forTasks', message }] });
    }
    refuseStarters(inner, seen, [...via, module.name]);
  }
};

const importsOf = (module: Class): readonly unknown[] => {
  const reflect = Reflect as { getMetadata?(key: string, target: unknown): unknown };
  const imports = reflect.getMetadata?.('imports', module);
  return Array.isArray(imports) ? imports : [];
};

const moduleOf = (imported: unknown): Class | undefined => {
  if (typeof imported === 'function') return imported as unknown as Class;
  const { module } = (imported ?? {}) as { module?: unknown };
  return typeof module === 'function' ? (module as unknown as Class) : undefined;
};
