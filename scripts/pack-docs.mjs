// Before `flamejs` is packed: the pages go with it, so that what an error says about its page is true where it was installed.
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './lib/run.mjs';

const target = join(root, 'packages/flamejs/docs');
rmSync(target, { recursive: true, force: true });
cpSync(join(root, 'docs'), target, { recursive: true, filter: (path) => !path.endsWith('/images') });
