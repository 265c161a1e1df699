/** Bull Board over all pools of an app. */
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { Hono } from 'hono';
import type { Operations } from '../operations/operations.ts';
import { PoolAdapter } from './pool-adapter.ts';
import { createBoardServer } from './server-adapter.ts';

/** @param basePath the dashboard's own; the board stands at `<basePath>/queues` */
export const createBoard = (operations: Operations, basePath: string): Promise<Hono> => {
  const { config } = operations.link;
  const pools = Object.keys(config.pools);
  const server = createBoardServer(`${basePath}/queues`, (pool) => {
    // Runners for what waits again are the autoscaler's business.
    for (const name of pool === undefined ? pools : [pool]) operations.act.kick(name);
  });
  createBullBoard({
    queues: pools.map((pool) =>
      config.pools[pool]?.bullmq === undefined
        ? new PoolAdapter(operations, pool, (id) => `../calls/${id}`)
        : new BullMQAdapter(operations.queues.of(pool) as never),
    ),
    serverAdapter: server.adapter,
    // Its links are read from its base, which is `queues/`.
    options: {
      uiConfig: {
        boardTitle: `Flame · ${config.app}`,
        boardLogo: { path: '../assets/flame.svg', width: 24, height: 24 },
        favIcon: { default: '../assets/flame.svg', alternative: '../assets/flame.svg' },
        miscLinks: [
          { text: 'Pools', url: '../pools' },
          { text: 'Calls', url: '../calls' },
        ],
        // CLIENT LIST for each queue at each poll; the pools page knows the runners better.
        showWorkers: false,
      },
    },
  });
  return server.routes();
};
