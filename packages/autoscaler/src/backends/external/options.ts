/** What a user may say to `external()`. */
import { type ConfigProblem, type Duration, FlameConfigError, parseDuration } from '@flamejs/queue';

export interface DeletionCostOptions {
  /** Where the pods are. Default: FLAME_POD_NAMESPACE, the autoscaler's own namespace, the kubeconfig's, `default`, in this order. */
  readonly namespace?: string;
  /** A kubeconfig file. Default: what the client finds: KUBECONFIG, `~/.kube/config`, or the pod's service account. */
  readonly kubeconfig?: string;
  /** A context of the kubeconfig. Default: its current one. */
  readonly context?: string;
}

export interface EcsServiceOptions {
  /** Name or ARN. */
  readonly cluster: string;
  /** Name or ARN of the service whose tasks are the runners. */
  readonly service: string;
  /** Default: what the SDK finds (AWS_REGION, the profile). */
  readonly region?: string;
  /** Default: AWS' own for the region. */
  readonly endpoint?: string;
  /** How long one request may take. Default `'10s'`. */
  readonly requestTimeout?: Duration;
}

export interface ExternalOptions {
  /**
   * `true`: the leading autoscaler writes `controller.kubernetes.io/pod-deletion-cost` of each runner's pod, so that a Deployment that
   * gets smaller ends parked and idle runners before busy ones. Needs `@kubernetes/client-node` and the right to `patch` pods. Default false.
   */
  readonly deletionCost?: boolean | DeletionCostOptions;
  /** The service to which `flame autoscaler --push` tells the number, because ECS does not ask. Needs `@aws-sdk/client-ecs`. Default none. */
  readonly ecs?: EcsServiceOptions;
}

export interface ExternalSettings {
  readonly deletionCost: DeletionCostOptions | undefined;
  readonly ecs: EcsSettings | undefined;
}

export interface EcsSettings {
  readonly cluster: string;
  readonly service: string;
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
  readonly requestTimeoutMs: number;
}

/** @throws FlameConfigError that lists every problem */
export const parseOptions = (options: ExternalOptions): ExternalSettings => {
  const problems: ConfigProblem[] = [];
  const known = { options: ['deletionCost', 'ecs'], deletionCost: ['namespace', 'kubeconfig', 'context'], ecs: ECS };
  const look = (value: object, names: readonly string[], path: string): void => {
    for (const name of Object.keys(value))
      if (!names.includes(name))
        problems.push({ path: `${path}${name}`, message: `is no option; there are ${names.join(', ')}` });
  };
  const texts = (value: object, names: readonly string[], path: string): void => {
    for (const name of names) {
      const text = (value as Readonly<Record<string, unknown>>)[name];
      if (text !== undefined && (typeof text !== 'string' || text === ''))
        problems.push({ path: `${path}.${name}`, message: 'expected a text' });
    }
  };
  look(options, known.options, '');
  const cost = options.deletionCost === true ? {} : options.deletionCost || undefined;
  if (cost !== undefined && typeof cost !== 'object')
    problems.push({ path: 'deletionCost', message: 'expected true or an object' });
  else if (cost !== undefined) {
    look(cost, known.deletionCost, 'deletionCost.');
    texts(cost, known.deletionCost, 'deletionCost');
  }
  const ecs = options.ecs === undefined ? undefined : readEcs(options.ecs, problems, look, texts);
  const [first] = problems;
  if (first !== undefined) throw new FlameConfigError(`external(): ${first.path}: ${first.message}`, { problems });
  return { deletionCost: cost as DeletionCostOptions | undefined, ecs };
};

const ECS = ['cluster', 'service', 'region', 'endpoint', 'requestTimeout'];

const readEcs = (
  ecs: EcsServiceOptions,
  problems: ConfigProblem[],
  look: (value: object, names: readonly string[], path: string) => void,
  texts: (value: object, names: readonly string[], path: string) => void,
): EcsSettings | undefined => {
  if (typeof ecs !== 'object' || ecs === null) {
    problems.push({ path: 'ecs', message: 'expected an object with cluster and service' });
    return undefined;
  }
  look(ecs, ECS, 'ecs.');
  texts(ecs, ['cluster', 'service', 'region', 'endpoint'], 'ecs');
  for (const name of ['cluster', 'service'] as const)
    if (ecs[name] === undefined) problems.push({ path: `ecs.${name}`, message: 'is needed' });
  const { cluster, service, region, endpoint, requestTimeout = '10s' } = ecs;
  try {
    return { cluster, service, region, endpoint, requestTimeoutMs: parseDuration(requestTimeout) };
  } catch (error) {
    problems.push({ path: 'ecs.requestTimeout', message: (error as Error).message });
    return undefined;
  }
};
