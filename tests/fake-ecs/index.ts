/**
 * ECS as far as its services have a number: JSON 1.1 over HTTP, as the SDK speaks it, refusing what ECS refuses. Unknown members, missing
 * ones and wrong types are refused, as are requests that nobody signed; throttling, missing rights and answers that are lost on demand.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeService {
  desiredCount: number;
  status: 'ACTIVE' | 'DRAINING' | 'INACTIVE';
  schedulingStrategy: 'REPLICA' | 'DAEMON';
}

export interface FakeEcs {
  readonly endpoint: string;
  readonly services: Map<string, FakeService>;
  /** `Operation desiredCount?`, in order; refusals as `Operation code`. */
  readonly requests: string[];
  /** The next requests of that operation meet it. */
  next(operation: string, fault: EcsFault, times?: number): void;
  close(): Promise<void>;
}

export type EcsFault = 'ThrottlingException' | 'AccessDeniedException' | 'ServerException' | 'lost-reply';

export const CLUSTER = 'shop';
export const ACCESS_KEY = 'AKIAFAKEFAKEFAKEFAKE';

const TARGET = 'AmazonEC2ContainerServiceV20141113.';
type Kind = 'text' | 'texts' | 'count' | 'flag' | 'any';

/** Members of the requests, as ECS' model has them. */
const MEMBERS: Readonly<Record<string, Readonly<Record<string, Kind>>>> = {
  DescribeServices: { cluster: 'text', services: 'texts', include: 'texts' },
  UpdateService: {
    ...{ cluster: 'text', service: 'text', desiredCount: 'count', taskDefinition: 'text', platformVersion: 'text' },
    ...{
      forceNewDeployment: 'flag',
      enableExecuteCommand: 'flag',
      enableECSManagedTags: 'flag',
      propagateTags: 'text',
    },
    ...{ healthCheckGracePeriodSeconds: 'count', availabilityZoneRebalancing: 'text', capacityProviderStrategy: 'any' },
    ...{ deploymentConfiguration: 'any', networkConfiguration: 'any', placementConstraints: 'any' },
    ...{ placementStrategy: 'any', loadBalancers: 'any', serviceRegistries: 'any', volumeConfigurations: 'any' },
    ...{ serviceConnectConfiguration: 'any', deploymentController: 'any', vpcLatticeConfigurations: 'any' },
  },
};

class Refusal extends Error {
  readonly type: string;
  readonly status: number;
  constructor(type: string, message: string, status = 400) {
    super(message);
    this.type = type;
    this.status = status;
  }
}

export const startFakeEcs = async (): Promise<FakeEcs> => {
  const services = new Map<string, FakeService>();
  const requests: string[] = [];
  const faults: { readonly operation: string; readonly fault: EcsFault; times: number }[] = [];

  const answer = async (incoming: IncomingMessage): Promise<{ readonly body: object; readonly lost: boolean }> => {
    const text = await bodyOf(incoming);
    const operation = operationOf(incoming);
    const found = faults.find((it) => it.operation === operation && it.times > 0);
    if (found !== undefined) found.times -= 1;
    const fault = found?.fault;
    if (fault === 'ThrottlingException') throw noted(operation, new Refusal(fault, 'Rate exceeded'));
    if (fault === 'ServerException') throw noted(operation, new Refusal(fault, 'Service Unavailable', 500));
    if (fault === 'AccessDeniedException')
      throw noted(
        operation,
        new Refusal(fault, `User: arn:aws:iam::1:user/flame is not authorized to perform: ecs:${operation}`),
      );
    const input = checked(operation, text);
    try {
      const body = operation === 'UpdateService' ? update(input) : describe(input);
      return { body, lost: fault === 'lost-reply' };
    } catch (error) {
      throw noted(operation, error as Refusal);
    }
  };

  const noted = (operation: string, refusal: Refusal): Refusal => {
    requests.push(`${operation} ${refusal.type}`);
    return refusal;
  };

  const describe = (input: Readonly<Record<string, unknown>>): object => {
    const names = input.services as readonly string[];
    if (names.length === 0 || names.length > 10)
      throw new Refusal('InvalidParameterException', 'Services cannot be empty, and have at most 10 elements.');
    requests.push('DescribeServices');
    const known = names.flatMap((name) => {
      const service = services.get(name);
      return service === undefined ? [] : [view(name, service)];
    });
    const missing = names.filter((name) => !services.has(name));
    return { services: known, failures: missing.map((name) => ({ arn: arnOf(name), reason: 'MISSING' })) };
  };

  const update = (input: Readonly<Record<string, unknown>>): object => {
    const name = input.service as string;
    const service = services.get(name);
    if (service === undefined) throw new Refusal('ServiceNotFoundException', 'Service not found.');
    if (service.status !== 'ACTIVE') throw new Refusal('ServiceNotActiveException', 'Service was not ACTIVE.');
    if (input.desiredCount !== undefined && service.schedulingStrategy === 'DAEMON')
      throw new Refusal(
        'InvalidParameterException',
        'The daemon scheduling strategy does not support a desired count.',
      );
    service.desiredCount = (input.desiredCount as number | undefined) ?? service.desiredCount;
    requests.push(`UpdateService ${service.desiredCount}`);
    return { service: view(name, service) };
  };

  const server = createServer((incoming, response) => {
    response.setHeader('content-type', 'application/x-amz-json-1.1');
    answer(incoming).then(
      ({ body, lost }) => {
        if (lost) incoming.socket.destroy();
        else response.end(JSON.stringify(body));
      },
      (error: unknown) => {
        const refusal =
          error instanceof Refusal ? error : new Refusal('ServerException', `the fake broke: ${String(error)}`, 500);
        response.writeHead(refusal.status).end(JSON.stringify({ __type: refusal.type, message: refusal.message }));
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    services,
    requests,
    next: (operation, fault, times = 1) => void faults.push({ operation, fault, times }),
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};

const arnOf = (name: string): string => `arn:aws:ecs:eu-west-1:1:service/${CLUSTER}/${name}`;
const view = (name: string, service: FakeService): object => ({
  serviceName: name,
  serviceArn: arnOf(name),
  ...service,
});

const bodyOf = async (incoming: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const chunk of incoming) text += String(chunk);
  return text;
};

const operationOf = ({ method, url, headers }: IncomingMessage): string => {
  if (method !== 'POST' || url !== '/') throw new Refusal('UnknownOperationException', `${method} ${url}`, 404);
  if (headers['content-type'] !== 'application/x-amz-json-1.1')
    throw new Refusal('SerializationException', 'the content type is not application/x-amz-json-1.1');
  const scope = new RegExp(
    `^AWS4-HMAC-SHA256 Credential=${ACCESS_KEY}/\\d{8}/eu-west-1/ecs/aws4_request, SignedHeaders=.*, Signature=[0-9a-f]{64}$`,
  );
  if (!scope.test(headers.authorization ?? ''))
    throw new Refusal('MissingAuthenticationTokenException', 'the request is not signed for ecs in eu-west-1');
  const target = String(headers['x-amz-target'] ?? '');
  const operation = target.startsWith(TARGET) ? target.slice(TARGET.length) : '';
  if (!Object.hasOwn(MEMBERS, operation)) throw new Refusal('UnknownOperationException', target);
  return operation;
};

const checked = (operation: string, text: string): Readonly<Record<string, unknown>> => {
  const input = JSON.parse(text) as Readonly<Record<string, unknown>>;
  const members = MEMBERS[operation] ?? {};
  for (const [name, value] of Object.entries(input)) {
    const kind = members[name];
    if (kind === undefined) throw new Refusal('SerializationException', `${operation} has no member ${name}`);
    if (!fits(kind, value)) throw new Refusal('SerializationException', `${name} is no ${kind}`);
  }
  const needed = operation === 'UpdateService' ? 'service' : 'services';
  if (input[needed] === undefined) throw new Refusal('InvalidParameterException', `${needed} cannot be blank.`);
  if (input.cluster !== CLUSTER) throw new Refusal('ClusterNotFoundException', 'Cluster not found.');
  return input;
};

const fits = (kind: Kind, value: unknown): boolean => {
  if (kind === 'any') return true;
  if (kind === 'text') return typeof value === 'string' && value !== '';
  if (kind === 'texts') return Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== '');
  if (kind === 'flag') return typeof value === 'boolean';
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 2_147_483_647;
};
