// npm run example <name>: runs one of examples/ with a Redis of its own. Works straight after a clone.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { main, root, StepError } from './lib/run.mjs';
import { runExample } from './lib/run-example.mjs';

await main(async () => {
  const [name = '', ...args] = process.argv.slice(2);
  const examples = join(root, 'examples');
  if (name === '' || !existsSync(join(examples, name, 'src/main.ts')))
    throw new StepError(`npm run example <name>, with one of: ${readdirSync(examples).join(', ')}`);
  return runExample(name, args);
});
