/** `flame call`: one call of a function, from a shell. */
import { readFile, writeFile } from 'node:fs/promises';
import { inspect } from 'node:util';
import { setLogDestination } from '@flamejs/protocol/log-destination';
import type { CallHandle } from '@flamejs/queue';
import { FlameConfigError } from '@flamejs/queue/errors';
import { Command } from 'commander';
import type { Logger } from 'pino';
import { argumentsFrom } from '../call/arguments.ts';
import { findTask } from '../call/find-task.ts';
import { createLogger } from '../create-logger.ts';
import { loadApp } from '../load-app.ts';
import { readableLog } from '../output/log-lines.ts';
import { plainText } from '../output/plain-text.ts';
import { say, sayJson } from '../output/print.ts';
import { optionsOf } from '../with-operations.ts';

interface Options {
  readonly eval?: string;
  readonly out?: string;
  readonly timeout?: string;
  readonly cast?: boolean;
  readonly json?: boolean;
}

const HELP = `
Arguments: JSON; a word that is no JSON is itself; @file the bytes of a file, @- those of stdin.

  flame call hello world
  flame call resizeImage @photo.jpg 640 --out photo.webp
  flame call report --eval '[new Date(2026, 0, 1), { depth: 3n }]'
`;

export const callCommand = (): Command =>
  new Command('call')
    .argument('<function>', 'its name')
    .argument('[arguments...]', 'JSON, @file or @-')
    .option('--eval <code>', 'a JavaScript expression that is the list of arguments')
    .option('-o, --out <file>', 'write the result into a file: bytes and text as they are, else JSON')
    .option('--timeout <duration>', 'longest execution of one attempt')
    .option('--cast', 'return once the call is durable, and print its id')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', HELP)
    .action(async (name: string, given: string[], _options: object, command: Command) => {
      const options = optionsOf<Options>(command);
      const [config, { createFlame }] = await Promise.all([loadApp(command), import('@flamejs/queue')]);
      const args = await argumentsFrom(given, options.eval, { readFile, stdin: readStdin });
      const task = await findTask(config, name);
      const bounded = options.timeout === undefined ? task : task.with({ timeout: options.timeout as '1m' });
      const flame = createFlame(config, { logger: await readableLogger() });
      try {
        if (options.cast === true) {
          const { id } = (await flame.cast(bounded as never, ...(args as never))) as CallHandle<unknown>;
          return options.json === true ? sayJson({ id }) : say(id);
        }
        await show(await flame.call(bounded as never, ...(args as never)), options);
      } finally {
        await flame.close();
      }
    });

/** Beside the result, for whoever looks at it: the result alone is on stdout. */
const readableLogger = (): Promise<Logger> => {
  setLogDestination(readableLog((line) => void process.stderr.write(`${line}\n`)));
  return createLogger('flame', 'warn');
};

const readStdin = async (): Promise<Uint8Array> => {
  if (process.stdin.isTTY) {
    const message = '@- reads from stdin, and there is none: pipe something into it';
    throw new FlameConfigError(message, { problems: [{ path: 'arguments', message }] });
  }
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

const show = async (value: unknown, { out, json }: Options): Promise<void> => {
  if (out !== undefined) {
    await writeFile(
      out,
      ArrayBuffer.isView(value) ? bytesOf(value) : typeof value === 'string' ? value : asJson(value),
    );
    return say(`wrote ${out}`);
  }
  if (json === true) return say(asJson(value));
  // Into a pipe or a file of the shell they go as they are.
  if (ArrayBuffer.isView(value) && process.stdout.isTTY !== true) return void process.stdout.write(bytesOf(value));
  say(
    typeof value === 'string' ? plainText(value) : inspect(value, { depth: 10, colors: process.stdout.isTTY === true }),
  );
};

const bytesOf = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

/** What JSON has no word for is written as text. */
const asJson = (value: unknown): string =>
  `${JSON.stringify(value ?? null, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner), 2)}`;
