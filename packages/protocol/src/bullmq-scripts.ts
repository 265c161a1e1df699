/// <reference path="./bullmq-parts.d.ts" />
/**
 * Composes BullMQ's scripts with our grafts and registers them on a client before BullMQ does: it defines a command only
 * where none of that name exists. The version is pinned and `bullmq-contract.test.ts` fails when an upgrade moves
 * anything that the grafts rely on.
 */
import * as scripts from 'bullmq/dist/cjs/scripts/index.js';
import { version } from 'bullmq/dist/cjs/version.js';
import type { Cluster, Redis } from 'ioredis';
import { GRAFTS } from './lua/grafts.ts';
import { HELPERS } from './lua/helpers.ts';

export interface BullScript {
  readonly name: string;
  readonly content: string;
  readonly keys: number;
}

/** The BullMQ version whose scripts the grafts were written for. */
export const BULLMQ_VERSION: string = version;

/** Imported by name, so that bundlers see it; of a CommonJS module some of them know nothing but a default. */
const bullScripts: Readonly<Record<string, unknown>> = { ...scripts, ...scripts.default };

/**
 * @returns the extended script: our `before`, the original as a local function, our `after`.
 * @throws Error when the original lacks a text that the graft replaces, which means an untested BullMQ version.
 */
export const composeScript = (name: string): BullScript => {
  const original = bullScripts[name] as BullScript | undefined;
  const graft = GRAFTS[name];
  if (original === undefined || graft === undefined)
    throw new Error(`BullMQ ${BULLMQ_VERSION} has no script "${name}" to extend`);
  let body = original.content;
  for (const [from, to] of graft.replace ?? []) {
    if (!body.includes(from))
      throw new Error(`BullMQ ${BULLMQ_VERSION}: script "${name}" no longer contains "${from}"`);
    body = body.replace(from, to);
  }
  const content = `${HELPERS}
${graft.before ?? ''}
local function bullmq()
${body}
end
local result = bullmq()
${graft.after ?? ''}
return result
`;
  return { name: original.name, content, keys: original.keys };
};

let composed: readonly BullScript[] | undefined;
const clients = new WeakSet<Redis | Cluster>();

/** Registers the extended scripts on a client, once. To be called before the client is handed to BullMQ. */
export const defineBullScripts = (client: Redis | Cluster): void => {
  if (clients.has(client)) return;
  clients.add(client);
  composed ??= Object.keys(GRAFTS).map(composeScript);
  for (const script of composed) {
    client.defineCommand(`${script.name}:${BULLMQ_VERSION}`, { numberOfKeys: script.keys, lua: script.content });
  }
};
