/** npm run bench: every case in turn; ratios beside their budgets. A missed budget is reported, never an error. */
import { fileURLToPath } from 'node:url';
import { createAutoscaler } from '@flamejs/autoscaler';
import { poolKeys } from '@flamejs/protocol';
import { loadConfig } from '@flamejs/queue/load-config';
import { pino } from 'pino';
import { TICK, tickCase } from './autoscaler-tick.ts';
import { awaitedHeapCase } from './awaited-heap.ts';
import { bullmqPeer, callCases } from './calls.ts';
import { type CaseResult, measure } from './case.ts';
import { coldStartCase } from './cold-start.ts';
import { commandLineCase } from './command-line.ts';
import { COST, printCost } from './cost-of-a-call.ts';
import { table, writeReports } from './report.ts';
import { APP_CONFIG, createWorld } from './world.ts';

const only = process.argv[2];
const world = await createWorld();
const tasks = await import('../app/tasks.mjs' as string);
const results: CaseResult[] = [];
const run = async (c: Parameters<typeof measure>[0]): Promise<void> => {
  if (only !== undefined && !c.name.includes(only)) return;
  process.stdout.write(`${c.name} `);
  results.push(await measure(c, () => void process.stdout.write('.')));
  process.stdout.write('\n');
};

try {
  const runners = { one: (await world.runner('one')).pid ?? 0, few: (await world.runner('few')).pid ?? 0 };
  const one = await bullmqPeer(world, 'peer-one', 1);
  const many = await bullmqPeer(world, 'peer-many', 100);
  if (only !== undefined && COST.includes(only)) await printCost(world, { tasks, runners, peers: { one, many } });
  for (const c of callCases(world, tasks, one, many)) await run(c);
  await one.close();
  await many.close();
  await run(commandLineCase());
  await run(awaitedHeapCase(world));

  const config = await loadConfig({ file: APP_CONFIG });
  const { cold } = config.pools;
  if (cold !== undefined) {
    const autoscaler = createAutoscaler({ ...config, pools: { cold } }, { logger: pino({ level: 'silent' }) });
    await autoscaler.start();
    try {
      await run(coldStartCase(world, tasks.flame, tasks.cold, poolKeys(config.prefix, config.app, 'cold').runners));
    } finally {
      await autoscaler.stop();
    }
  }
  if (only === undefined || TICK.includes(only)) {
    const tick = await tickCase(world);
    try {
      await run(tick.case);
    } finally {
      await tick.stop();
    }
  }
  process.stdout.write(`\n${table(results)}\n`);
  await writeReports(results, fileURLToPath(new URL('../../reports', import.meta.url)));
} finally {
  await tasks.flame.close();
  await world.stop();
}
