/** The HTTP side: authentication, permissions, throttling, faults, and the answer. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createTags } from './create-tags.ts';
import { describeInstances } from './describe-instances.ts';
import { Ec2Fault } from './fault.ts';
import type { Fault } from './faults.ts';
import type { Params } from './query.ts';
import { parseQuery } from './query.ts';
import type { Region } from './region.ts';
import { runInstances } from './run-instances.ts';
import { terminateInstances } from './terminate-instances.ts';
import { errorXml, responseXml, type XmlValue } from './xml.ts';

interface Answer {
  readonly status: number;
  readonly xml: string;
}

export interface HttpSide {
  readonly endpoint: string;
  close(): Promise<void>;
}

export const serve = async (region: Region): Promise<HttpSide> => {
  const server = createServer((request, response) => {
    handle(request, response, region).catch((error: unknown) => {
      response.writeHead(500).end(errorXml('InternalError', String(error), randomUUID()));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};

const handle = async (request: IncomingMessage, response: ServerResponse, region: Region): Promise<void> => {
  const body = await readBody(request);
  const requestId = randomUUID();
  let action = 'unknown';
  let params: Params = {};
  let fault: Fault | undefined;
  let answer: Answer;
  let outcome = 'ok';
  let launched: readonly string[] = [];
  try {
    const accessKey = authenticate(request, region);
    ({ action, params } = parseQuery(body));
    fault = region.faults.take(action, params);
    if (fault?.kind === 'queued') await later(fault.ms);
    if (fault?.kind === 'reset') {
      region.audit.add({ action, params, outcome: 'reset', seen: 'lost', launched });
      request.socket.destroy();
      return;
    }
    region.throttle(action);
    authorize(accessKey, action, region);
    if (fault?.kind === 'error') throw new Ec2Fault(fault.code, fault.message ?? fault.code, fault.status);
    const done = perform(action, params, region);
    launched = done.launched;
    if (fault?.kind === 'error-after') throw new Ec2Fault(fault.code, fault.code, fault.status);
    answer = { status: 200, xml: responseXml(action, requestId, done.body) };
  } catch (error) {
    if (!(error instanceof Ec2Fault)) throw error;
    outcome = error.code;
    answer = { status: error.status, xml: errorXml(error.code, error.message, requestId) };
  }
  const lost = fault?.kind === 'lost-reply';
  region.audit.add({ action, params, outcome, seen: lost ? 'lost' : 'answered', launched });
  if (lost) {
    request.socket.destroy();
    return;
  }
  if (fault?.kind === 'slow') await later(fault.ms);
  response
    .writeHead(answer.status, { 'content-type': 'text/xml;charset=UTF-8', 'x-amzn-requestid': requestId })
    .end(answer.xml);
};

const perform = (action: string, params: Params, region: Region): { body: XmlValue; launched: readonly string[] } => {
  switch (action) {
    case 'RunInstances':
      return runInstances(params, region);
    case 'DescribeInstances':
      return { body: describeInstances(params, region), launched: [] };
    case 'TerminateInstances':
      return { body: terminateInstances(params, region), launched: [] };
    case 'CreateTags':
      return { body: createTags(params, region), launched: [] };
    default:
      throw new Ec2Fault('InvalidAction', `The action ${action} is not valid for this web service.`);
  }
};

/** Checks what a signature says, not its arithmetic: scheme, service, region, and a key that exists. */
const authenticate = (request: IncomingMessage, region: Region): string => {
  const header = request.headers.authorization ?? '';
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/([^/]+)\/ec2\/aws4_request, ?SignedHeaders=\S+, ?Signature=[0-9a-f]{64}$/.exec(
      header,
    );
  const [, accessKey, signedRegion] = match ?? [];
  if (accessKey === undefined)
    throw new Ec2Fault('MissingAuthenticationToken', 'Request is missing Authentication Token', 403);
  if (signedRegion !== region.knobs.catalog.region) {
    throw new Ec2Fault('AuthFailure', `Credential should be scoped to region ${region.knobs.catalog.region}.`, 401);
  }
  if (region.knobs.permissions[accessKey] === undefined) {
    throw new Ec2Fault('AuthFailure', 'AWS was not able to validate the provided access credentials', 401);
  }
  return accessKey;
};

const authorize = (accessKey: string, action: string, region: Region): void => {
  const allowed = region.knobs.permissions[accessKey] ?? [];
  if (allowed.includes('*') || allowed.includes(action)) return;
  throw new Ec2Fault(
    'UnauthorizedOperation',
    `You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/${accessKey} is not authorized to perform: ec2:${action}`,
    403,
  );
};

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
};

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
