/** Traces across processes, as a receiver of OTLP sees them: caller, runner and executor each send their own spans there. */
import { once } from 'node:events';
import { existsSync, mkdtempSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { otel } from '@flamejs/queue/otel';
import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fleet, startFleet, tasks } from '../support/fleet.ts';
import { settles, waitFor } from '../support/wait-for.ts';

interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number; readonly message?: string };
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
}

const spans: ReceivedSpan[] = [];
let receiver: Server;
let fleet: Fleet;

beforeAll(async () => {
  receiver = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as {
      resourceSpans: { scopeSpans: { spans: ReceivedSpan[] }[] }[];
    };
    spans.push(...body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
    response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const endpoint = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = endpoint;
  await import('../fixtures/app/tracing.mjs' as string);
  fleet = await startFleet({
    pools: { main: { max: 2, maxConcurrency: 2, shutdownTimeout: 500 } },
    app: { telemetry: otel({ baggage: ['tenant'] }) },
    env: { FLAME_TEST_TRACING: '1', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
  });
});
afterAll(async () => {
  await fleet?.stop();
  receiver?.closeAllConnections();
  receiver?.close();
});

/** Under a span of the application's, as in the handler of a request. @returns what `fn` came to, and the trace's id */
const inRequest = async <T>(fn: () => Promise<T>): Promise<{ readonly traceId: string; readonly value: T }> => {
  const baggage = propagation.createBaggage({ tenant: { value: 'Zürich, 1' }, secret: { value: 'stays' } });
  return context.with(propagation.setBaggage(context.active(), baggage), () =>
    trace.getTracer('app').startActiveSpan('GET /report', { kind: SpanKind.SERVER }, async (span) => {
      try {
        return { traceId: span.spanContext().traceId, value: await fn() };
      } finally {
        span.end();
      }
    }),
  );
};

const received = (name: string, also: (span: ReceivedSpan) => boolean = () => true): Promise<ReceivedSpan> =>
  waitFor(() => spans.find((span) => span.name === name && also(span)), {
    what: `the span "${name}"`,
    timeoutMs: 60_000,
    found: () => [
      spans.map((span) => `${span.traceId.slice(0, 4)} ${span.name}`),
      fleet.started.map((runner) => runner.process.output().slice(-2_000)),
    ],
  });

const attribute = ({ attributes }: ReceivedSpan, key: string): unknown =>
  Object.values(attributes.find((each) => each.key === key)?.value ?? {})[0];

test('one trace goes from a request through a call and a nested call, with waiting, attempts and the function’s own spans', async () => {
  const runner = await fleet.runner();
  const { traceId, value } = await inRequest(() =>
    settles(fleet.flame.call(tasks.traced, 2, 3) as Promise<unknown>, { what: 'the call', timeoutMs: 60_000 }),
  );
  // What the app lets through travels, whatever characters it has; what it does not, stays.
  expect(value).toEqual({ sum: 5, tenant: 'Zürich, 1' });
  const mine = (span: ReceivedSpan): boolean => span.traceId === traceId;
  const chain = ['GET /report', 'call traced', 'process traced', 'own work', 'call innerAdd', 'process innerAdd'];
  let above = await received(chain[0] ?? '', mine);
  for (const name of chain.slice(1)) {
    const span = await received(name, mine);
    expect(span.parentSpanId, name).toBe(above.spanId);
    above = span;
  }
  for (const name of ['traced', 'innerAdd'])
    expect((await received(`wait ${name}`, mine)).parentSpanId).toBe((await received(`call ${name}`, mine)).spanId);
  for (const { name, startTimeUnixNano, endTimeUnixNano } of spans)
    expect(BigInt(endTimeUnixNano) >= BigInt(startTimeUnixNano), name).toBe(true);
  const process = await received('process traced', mine);
  expect(attribute(process, 'messaging.system')).toBe('flame');
  expect(attribute(process, 'messaging.destination.name')).toBe('main');
  expect(attribute(process, 'flame.runner.id')).toBe(runner.runnerId);
  // A line that the function printed is found from its trace, and the trace from the line.
  const line = runner.process
    .output()
    .split('\n')
    .find((text) => text.includes('work begins'));
  expect(JSON.parse(line ?? '{}')).toMatchObject({
    trace_id: traceId,
    callId: attribute(process, 'messaging.message.id'),
  });
});

test('the failing attempts of a killed executor are received, each with its error, and so is the call’s', async () => {
  const { traceId } = await inRequest(() =>
    settles(fleet.flame.call(tasks.crash, 'SIGKILL') as Promise<unknown>, {
      what: 'the call',
      timeoutMs: 60_000,
    }).catch(() => undefined),
  );
  const mine = (span: ReceivedSpan): boolean => span.traceId === traceId;
  const call = await received('call crash', mine);
  expect([call.status.code, attribute(call, 'error.type')]).toEqual([2, 'FlameCrashError']);
  await waitFor(() => spans.filter((span) => mine(span) && span.name === 'process crash').length === 3, {
    what: 'all three attempts',
  });
  for (const attempt of spans.filter((span) => mine(span) && span.name === 'process crash')) {
    expect(attempt.parentSpanId).toBe(call.spanId);
    expect([attempt.status.code, attribute(attempt, 'flame.outcome')]).toEqual([2, 'crashed']);
  }
});

test('a cast begins a trace of its own, linked to its maker; the attempt that a drained runner gave up is received', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'flame-traces-')), 'begun');
  const { traceId } = await inRequest(() => fleet.flame.cast(tasks.effect, file, 60_000));
  const maker = await received('cast effect', (span) => span.traceId === traceId);
  const root = await received('effect', (span) => span.links?.[0]?.spanId === maker.spanId);
  expect(root.traceId).not.toBe(traceId);
  expect(root.parentSpanId ?? '').toBe('');
  await waitFor(() => existsSync(file), { what: 'it to run', timeoutMs: 60_000 });
  const [first] = fleet.started;
  const busy = first?.process;
  process.kill(busy?.pid ?? Number.NaN, 'SIGTERM');
  const attempt = await received('process effect', (span) => span.traceId === root.traceId);
  expect(attempt.parentSpanId).toBe(root.spanId);
  expect([attempt.status.code, attribute(attempt, 'flame.outcome')]).toEqual([2, 'abandoned']);
  await waitFor(() => busy?.alive() === false, { what: 'the runner to be gone' });
});
