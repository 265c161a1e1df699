// A registry as a process: packs into the folder that it is given, and says where it listens.
import { startRegistry } from '../../scripts/lib/registry.mjs';

const { url } = await startRegistry(process.argv[2]);
process.stdout.write(`${url}\n`);
