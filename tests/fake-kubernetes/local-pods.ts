/**
 * Containers of the fake that are real local processes: the pod's environment and nothing else, Secrets resolved as the
 * kubelet does, SIGTERM and SIGKILL after the grace period. What runs is real; only the container around it is not.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { StartContainer } from './nodes.ts';
import type { FakePod } from './types.ts';

export interface LocalPodsOptions {
  /** What stands for the image. */
  readonly command: (pod: FakePod) => {
    readonly file: string;
    readonly args: readonly string[];
    readonly cwd?: string;
  };
  /** The Secrets of the namespace: `name/key`. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Added to the container's environment; that of the test is not inherited. */
  readonly env?: Readonly<Record<string, string>>;
  readonly onOutput?: (pod: FakePod, text: string) => void;
  readonly onStart?: (pod: FakePod, pid: number) => void;
}

export const localPods =
  ({ command, secrets, env, onOutput, onStart }: LocalPodsOptions): StartContainer =>
  (pod, exited) => {
    const root = mkdtempSync(join(tmpdir(), 'flame-pod-'));
    const { file, args, cwd } = command(pod);
    const child = spawn(file, [...args], {
      cwd,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH ?? '',
        HOME: root,
        HOSTNAME: pod.metadata.name,
        ...env,
        ...environmentOf(pod, secrets, root),
      },
    });
    if (child.pid !== undefined) onStart?.(pod, child.pid);
    let last = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text: Buffer) => {
        last = (last + text.toString()).slice(-2_048);
        onOutput?.(pod, text.toString());
      });
    const ended = new Promise<void>((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null): void => {
        killGroup(child, 'SIGKILL');
        rmSync(root, { recursive: true, force: true });
        exited({ exitCode: code ?? 128 + (SIGNALS[signal ?? ''] ?? 9), output: last });
        resolve();
      };
      child.once('exit', end);
      child.once('error', () => end(127, null));
    });
    return {
      async stop(graceMs) {
        killGroup(child, graceMs === 0 ? 'SIGKILL' : 'SIGTERM');
        const kill = setTimeout(() => killGroup(child, 'SIGKILL'), graceMs);
        await ended;
        clearTimeout(kill);
      },
    };
  };

const SIGNALS: Readonly<Record<string, number>> = { SIGKILL: 9, SIGTERM: 15, SIGSEGV: 11, SIGABRT: 6 };

const environmentOf = (
  pod: FakePod,
  secrets: Readonly<Record<string, string>>,
  root: string,
): Readonly<Record<string, string>> => {
  const container = pod.spec.containers?.find(({ name }) => name === 'runner') ?? pod.spec.containers?.[0];
  const secretOf = (name: string, key: string): string => {
    const value = secrets[`${name}/${key}`];
    if (value === undefined) throw new Error(`the namespace has no Secret ${name} with the key ${key}`);
    return value;
  };
  const env: Record<string, string> = {};
  for (const { name, value = '', valueFrom } of container?.env ?? []) {
    const at = valueFrom?.secretKeyRef;
    const field = valueFrom?.fieldRef?.fieldPath;
    if (at !== undefined) env[name] = secretOf(at.name, at.key);
    else if (field === undefined) env[name] = value;
    // The downward API.
    else env[name] = field === 'metadata.name' ? pod.metadata.name : (pod.metadata.namespace ?? '');
  }
  for (const { name, mountPath, subPath } of container?.volumeMounts ?? []) {
    const secret = pod.spec.volumes?.find((volume) => volume.name === name)?.secret;
    if (secret === undefined || subPath === undefined) continue;
    const file = join(root, mountPath);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, secretOf(secret.secretName, subPath), { mode: 0o440 });
    for (const [variable, value] of Object.entries(env)) if (value === mountPath) env[variable] = file;
  }
  return env;
};

const killGroup = ({ pid }: ChildProcess, signal: NodeJS.Signals): void => {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended.
  }
};
