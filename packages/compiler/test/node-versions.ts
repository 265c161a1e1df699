/** The versions of Node that the loader is tested on: the running one, and in the nightly tier every supported one. */
import { execFileSync } from 'node:child_process';

export interface NodeBinary {
  readonly version: string;
  readonly binary: string;
}

const SUPPORTED = ['20', '22', '24'];

export function nodeBinaries(): readonly NodeBinary[] {
  const own: NodeBinary = { version: process.versions.node, binary: process.execPath };
  if (process.env.FLAME_TIER !== 'nightly') return [own];
  const others = SUPPORTED.filter((major) => !own.version.startsWith(`${major}.`));
  return [own, ...others.map(download)];
}

/** npm keeps it in its cache. */
function download(major: string): NodeBinary {
  const name = `node-${process.platform}-${process.arch}@${major}`;
  const print = 'console.log(JSON.stringify({ version: process.versions.node, binary: process.execPath }))';
  const output = execFileSync('npm', ['exec', '--yes', `--package=${name}`, '--', 'node', '-e', print], {
    encoding: 'utf8',
  });
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as NodeBinary;
}
