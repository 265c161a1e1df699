/**
 * A report each night at three. To have something to look at, a second schedule makes one each two seconds here, and is taken
 * away after two reports. Schedules stand in Redis: registering one at each start of the application changes nothing.
 */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAutoscaler } from 'flamejs/autoscaler';
import config from '../flame.config.ts';
import { flame } from './flame.ts';
import { report } from './tasks.ts';

const out = resolve(process.argv[2] ?? 'out');
const file = join(out, 'reports.txt');
await mkdir(out, { recursive: true });
await rm(file, { force: true });

const autoscaler = createAutoscaler(config);
await autoscaler.start();
try {
  const nightly = await flame.schedule('nightly-report', { cron: '0 3 * * *', tz: 'Europe/Berlin' }, report, file);
  const often = await flame.schedule('report-often', { every: '2s' }, report, file);
  const reports = async () => (await readFile(file, 'utf8').catch(() => '')).trim().split('\n').filter(Boolean);
  while ((await reports()).length < 2) await sleep(200);
  await often.remove();
  await nightly.remove(); // an application leaves it there
  for (const line of (await reports()).slice(0, 2)) console.log(`report: ${line}`);
} finally {
  await flame.close();
  await autoscaler.stop();
}
