/** Serves, and shows at once what it is about: pings are answered while runners hold processors. */
import { createAutoscaler } from 'flamejs/autoscaler';
import config from '../flame.config.ts';
import { createApp } from './app.ts';

/** As a browser does whose connection breaks after three words. */
const readTwice = async (address: string): Promise<readonly string[]> => {
  const asked = { question: 'why' };
  const headers = { 'content-type': 'application/json' };
  const made = await fetch(`${address}/answers`, { method: 'POST', headers, body: JSON.stringify(asked) });
  const { id } = (await made.json()) as { id: string };
  const cookie = made.headers.get('set-cookie')?.split(';')[0] ?? '';
  const read = async (
    lastId: string | undefined,
    most: number,
  ): Promise<readonly (readonly [id: string, word: string])[]> => {
    const seen = lastId === undefined ? {} : { 'last-event-id': lastId };
    const response = await fetch(`${address}/answers/${id}/events`, { headers: { cookie, ...seen } });
    let text = '';
    const found = () =>
      [...text.matchAll(/^id: (\d+)\ndata: "(.*)"$/gm)].map(([, at = '', word = '']) => [at, word] as const);
    for await (const piece of response.body ?? []) {
      text += Buffer.from(piece).toString();
      if (found().length >= most) break;
    }
    return found();
  };
  const first = await read(undefined, 3);
  return [...first, ...(await read(first.at(-1)?.[0], 100))].map(([, word]) => word);
};

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
  const words = await readTwice(address);
  console.log(`${words.length} words, some of them after the connection was lost: ${words.join(' ')}`);
} finally {
  await app.close();
  await autoscaler.stop();
}
