/** The image of the image-resize example, built by `docker/Dockerfile` from what an application of its own would contain. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { baseImage, type Engine } from './engine.ts';
import { startProcess } from './processes.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const EXAMPLE = join(ROOT, 'examples/image-resize');
/** On a registry flamejs would be an ordinary dependency, which brings its parts. */
const PACKAGES = readdirSync(join(ROOT, 'packages'));

/** @returns the image's name */
export const buildApplication = async (engine: Engine): Promise<string> => {
  const base = await baseImage(engine);
  const context = mkdtempSync(join(tmpdir(), 'flame-image-'));
  try {
    await stage(context);
    const name = 'localhost/image-resize:test';
    await engine.podman(
      [
        ...['build', '--tag', name, '--build-arg', `BASE_IMAGE=${base}`, '--network', 'host', '--pull=never'],
        // Docker's own format: podman's keeps no health check.
        ...['--format', 'docker', '--file', join(context, 'Dockerfile'), context],
      ],
      { timeoutMs: 240_000 },
    );
    return name;
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
};

const stage = async (context: string): Promise<void> => {
  for (const file of ['Dockerfile', '.dockerignore']) cpSync(join(ROOT, 'docker', file), join(context, file));
  cpSync(EXAMPLE, context, { recursive: true, filter: (path) => !/\/(node_modules|out)(\/|$)/.test(path) });
  mkdirSync(join(context, 'packages'));
  const folders = PACKAGES.flatMap((name) => ['--workspace', `packages/${name}`]);
  await run('npm', ['pack', ...folders, '--pack-destination', join(context, 'packages'), '--silent'], ROOT);
  const archives = Object.fromEntries(
    readdirSync(join(context, 'packages')).map((file) => [
      file.replace(/^flamejs-(?=\d).*$/, 'flamejs').replace(/^flamejs-(.*)-\d.*$/, '@flamejs/$1'),
      `file:packages/${file}`,
    ]),
  );
  const manifest = JSON.parse(readFileSync(join(context, 'package.json'), 'utf8'));
  manifest.dependencies = { ...manifest.dependencies, ...archives };
  // Something that only developers need, to see that it stays outside.
  manifest.devDependencies = { 'is-number': '7.0.0' };
  writeFileSync(join(context, 'package.json'), JSON.stringify(manifest, null, 2));
  await run(
    'npm',
    ['install', '--package-lock-only', '--ignore-scripts', '--prefer-offline', '--loglevel=error'],
    context,
  );
  // What must not get in.
  writeFileSync(join(context, '.env'), 'SECRET=canary');
};

const run = async (command: string, args: readonly string[], cwd: string): Promise<void> => {
  const child = await startProcess(command, args, { cwd });
  const { code } = await child.exited;
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${child.output().slice(-4_000)}`);
};
