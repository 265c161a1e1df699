/** A clip that ffmpeg draws here is made smaller on a runner, which says how far it is. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createAutoscaler } from 'flamejs/autoscaler';
import config from '../flame.config.ts';
import { flame } from './flame.ts';
import { halve } from './tasks.ts';

const out = process.argv[2] ?? 'out';
await mkdir(out, { recursive: true });
const clip = join(out, 'clip.mkv');
const drawn = ['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25:duration=8'];
await promisify(execFile)('ffmpeg', ['-y', '-loglevel', 'error', ...drawn, '-c:v', 'mpeg4', '-q:v', '3', clip]);
const video = await readFile(clip);

const autoscaler = createAutoscaler(config);
await autoscaler.start();
try {
  const handle = await flame.cast(halve, video);
  for await (const percent of handle.progress()) console.log(`${String(percent).padStart(3)} %`);
  const small = await handle.result();
  await writeFile(join(out, 'small.webm'), small);
  console.log(`${video.length} bytes became ${small.length}: ${join(out, 'small.webm')}`);
} finally {
  await flame.close();
  await autoscaler.stop();
}
