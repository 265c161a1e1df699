/** Serves, and shows at once what it is about: pings are answered while runners hold processors. */
import { createAutoscaler } from 'flamejs/autoscaler';
import config from '../flame.config.ts';
import { createApp } from './app.ts';

const autoscaler = createAutoscaler(config);
const app = createApp();
await autoscaler.start();
try {
  const address = await app.listen({ port: 0, host: '127.0.0.1' });
  console.log(`listening on ${address}`);
  let pings = 0;
  let busy = true;
  const work = fetch(`${address}/crunch?ms=2000`).finally(() => {
    busy = false;
  });
  while (busy) {
    if ((await (await fetch(`${address}/ping`)).text()) === 'pong') pings += 1;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { rounds } = (await (await work).json()) as { rounds: number };
  console.log(`${rounds > 0 ? 'the work is done' : 'no work was done'}; ${pings} pings were answered meanwhile`);
} finally {
  await app.close();
  await autoscaler.stop();
}
