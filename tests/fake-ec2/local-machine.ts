/**
 * Instances of the fake that are real local processes: reads the user-data, hands secrets over as 0400 files, starts the
 * runner, relays spot notices, keeps the dead-man timer, and halts when the runner ends. What runs is real; only the
 * machine around it is not.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MachineSetup, readUserData } from './cloud-init.ts';
import type { LaunchHook, Machine } from './machine.ts';

export interface LocalMachineOptions {
  /** What stands for the image or archive: the command that is run instead of the one in user-data, and where. */
  readonly command: (
    setup: MachineSetup,
    machine: Machine,
  ) => { readonly file: string; readonly args: readonly string[]; readonly cwd?: string };
  /** The secret stores of the fake account: by name. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Added to the runner's environment; the environment of the test itself is not inherited, as on a real machine. */
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds for a minute of the dead-man timer; 60,000 unless set. */
  readonly minuteMs?: number;
  /** Milliseconds between SIGTERM and SIGKILL when the machine is shut down; 10,000 unless set. */
  readonly shutdownMs?: number;
  /** Each line that the runners write. */
  readonly onOutput?: (machine: Machine, text: string) => void;
}

export const localMachines =
  (options: LocalMachineOptions): LaunchHook =>
  async (machine) => {
    const setup = readUserData(machine.userData);
    const root = await mkdtemp(join(tmpdir(), `flame-${machine.id}-`));
    const notices = join(root, 'notice');
    const contact = join(root, 'contact');
    await mkdir(notices);
    await mkdir(contact);
    const secretEnv = await writeSecrets(setup, root, options.secrets);
    const { file, args, cwd } = options.command(setup, machine);
    const child = spawn(file, [...args], {
      cwd,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH ?? '',
        HOME: root,
        ...options.env,
        ...setup.env,
        ...secretEnv,
        FLAME_CONTACT_FILE: join(contact, 'alive'),
        FLAME_NOTICE_DIR: notices,
      },
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text: Buffer) => options.onOutput?.(machine, text.toString()));
    const relay = relayNotices(setup, machine, notices);
    const timer = deadMan(setup, options.minuteMs ?? 60_000, join(contact, 'alive'), () => {
      killGroup(child, 'SIGKILL');
      machine.shutdown();
    });
    const ended = new Promise<void>((resolve) => {
      const end = (): void => {
        relay.stop();
        timer.stop();
        killGroup(child, 'SIGKILL');
        machine.shutdown();
        void rm(root, { recursive: true, force: true }).then(resolve, () => resolve());
      };
      child.once('exit', end);
      child.once('error', end);
    });
    return {
      stop: async () => {
        killGroup(child, 'SIGTERM');
        const kill = setTimeout(() => killGroup(child, 'SIGKILL'), options.shutdownMs ?? 10_000);
        await ended;
        clearTimeout(kill);
      },
    };
  };

const writeSecrets = async (
  setup: MachineSetup,
  root: string,
  stores: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, string>>> => {
  const env: Record<string, string> = {};
  for (const { file, variable, name } of setup.secrets) {
    const value = stores[name];
    if (value === undefined) throw new Error(`the account has no secret named ${name}`);
    const path = join(root, file);
    await writeFile(path, value, { mode: 0o400 });
    await chmod(path, 0o400);
    env[variable] = path;
  }
  return env;
};

const relayNotices = (setup: MachineSetup, { notices }: Machine, folder: string): { stop(): void } => {
  if (!setup.relaysNotices) return { stop: () => undefined };
  const timer = setInterval(() => {
    for (const [name, notice] of [
      ['instance-action', notices.spotAction],
      ['rebalance', notices.rebalance],
    ] as const) {
      if (notice !== undefined)
        void writeFile(join(folder, `${name}.json`), JSON.stringify(notice)).catch(() => undefined);
    }
  }, 100);
  timer.unref();
  return { stop: () => clearInterval(timer) };
};

const deadMan = (setup: MachineSetup, minuteMs: number, contact: string, expire: () => void): { stop(): void } => {
  const limitMs = setup.deadManMinutes * minuteMs;
  let seen = 0;
  let since = performance.now();
  const timer = setInterval(
    () => {
      void stat(contact).then(
        ({ mtimeMs }) => {
          if (mtimeMs === seen) return;
          seen = mtimeMs;
          since = performance.now();
        },
        () => undefined,
      );
      if (performance.now() - since > limitMs) expire();
    },
    Math.max(20, limitMs / 20),
  );
  timer.unref();
  return { stop: () => clearInterval(timer) };
};

const killGroup = ({ pid }: ChildProcess, signal: NodeJS.Signals): void => {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended.
  }
};
