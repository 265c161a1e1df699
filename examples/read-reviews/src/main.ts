/** What customers think, read by a language model that an executor loads once. */
import { createAutoscaler } from 'flamejs/autoscaler';
import config from '../flame.config.ts';
import { flame } from './flame.ts';
import { readReview } from './tasks.ts';

const reviews = [
  'The photographs arrived in two days and look wonderful. Thank you, Anna!',
  'Terrible. The frame was broken and nobody has answered the phone since Monday.',
  'I ordered three prints from Berlin on 3 May 2026 for 59 euros.',
  'Happy with the colours, and a lovely box.',
  'The worst paper I have ever seen; I want my 20 euros back.',
  'Good.',
];

const autoscaler = createAutoscaler(config);
await autoscaler.start();
try {
  let loads = 0;
  const argsOfAll = reviews.map((text) => [text] as const);
  for await (const { mood, facts, call } of flame.map(readReview, argsOfAll, { concurrency: 2 })) {
    if (call === 1) loads += 1;
    console.log(`${mood.toFixed(1).padStart(4)}  ${facts.join(', ')}`);
  }
  console.log(`${reviews.length} reviews, and the model was loaded ${loads === 1 ? 'once' : `${loads} times`}`);
} finally {
  await flame.close();
  await autoscaler.stop();
}
