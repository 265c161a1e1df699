/**
 * What an error of the SDK means. By EC2's code and not by HTTP status: InsufficientInstanceCapacity comes with 500
 * although it is a definite no, and only codes tell a quota from a typing error.
 */
import { FlameLaunchError, type LaunchErrorKind } from '@flamejs/queue';
import type { Scope } from './unavailable.ts';

export interface Verdict {
  readonly kind: LaunchErrorKind;
  readonly code: string | null;
  readonly message: string;
  /** For `capacity` and `quota`: what the refusal says of other offerings. */
  readonly scope: Scope;
}

const CAPACITY: Readonly<Record<string, Scope>> = {
  InsufficientInstanceCapacity: 'offering',
  InsufficientHostCapacity: 'offering',
  InsufficientCapacityOnHost: 'offering',
  InsufficientReservedInstanceCapacity: 'offering',
  ReservationCapacityExceeded: 'offering',
  UnfulfillableCapacity: 'offering',
  Unsupported: 'offering',
  SpotMaxPriceTooLow: 'offering',
  InsufficientFreeAddressesInSubnet: 'place',
  InsufficientAddressCapacity: 'place',
};

const QUOTA: ReadonlySet<string> = new Set([
  'VcpuLimitExceeded',
  'InstanceLimitExceeded',
  'MaxSpotInstanceCountExceeded',
  'MaxFleetCountExceeded',
  'InstanceCountExceeded',
  'VolumeLimitExceeded',
  'MaxIOPSLimitExceeded',
  'NetworkInterfaceLimitExceeded',
]);

const THROTTLED: ReadonlySet<string> = new Set([
  'RequestLimitExceeded',
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'RequestThrottled',
  'RequestThrottledException',
  'EC2ThrottledException',
  'TooManyRequestsException',
  'BandwidthLimitExceeded',
  'SlowDown',
]);

const AUTH: ReadonlySet<string> = new Set([
  'UnauthorizedOperation',
  'AuthFailure',
  'AccessDenied',
  'AccessDeniedException',
  'Blocked',
  'ExpiredToken',
  'ExpiredTokenException',
  'IncompleteSignature',
  'InvalidClientTokenId',
  'MissingAuthenticationToken',
  'OptInRequired',
  'PendingVerification',
  'RequestExpired',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
  // Raised by the SDK before anything is sent.
  'CredentialsProviderError',
  'TokenProviderError',
]);

/** Whether a code that a refusal left behind is about a quota rather than about capacity. */
export const isQuota = (code: string): boolean => QUOTA.has(code);

export const judge = (error: unknown): Verdict => {
  const { name, message, status } = read(error);
  const verdict = (kind: LaunchErrorKind, scope: Scope = 'offering'): Verdict => ({ kind, code: name, message, scope });
  if (name === null) return verdict('unknown');
  if (Object.hasOwn(CAPACITY, name)) return verdict('capacity', CAPACITY[name]);
  if (QUOTA.has(name)) return verdict('quota', 'quota');
  if (THROTTLED.has(name)) return verdict('throttled');
  if (AUTH.has(name)) return verdict('auth');
  // A 4xx with a code is EC2 refusing; a 5xx, a cut connection and a timeout say nothing about what was done.
  if (status !== undefined && status >= 400 && status < 500) return verdict('invalid');
  return verdict('unknown');
};

const ADVICE: Readonly<Record<LaunchErrorKind, string>> = {
  capacity: 'Wait, or list more `instanceTypes`, `subnets` or `zones`.',
  quota: 'Raise the quota in Service Quotas, lower `max`, or list types of another family.',
  throttled: 'The account makes too many EC2 requests; it is tried again later.',
  auth: 'Give the controller the permissions of docker/ec2/controller-policy.json.',
  invalid: 'Correct the options of ec2(): EC2 refuses the request as it is.',
  unknown: 'The same request is sent again with the same client token until its outcome is known.',
};

/** @param doing what was attempted: `launch shop-x on c7g.large`. */
export const launchError = (doing: string, verdict: Verdict, cause?: unknown): FlameLaunchError =>
  new FlameLaunchError(`EC2 did not ${doing}: ${verdict.code ?? 'no code'}: ${verdict.message}`, {
    kind: verdict.kind,
    providerCode: verdict.code,
    cause,
    advice: ADVICE[verdict.kind],
  });

interface Read {
  readonly name: string | null;
  readonly message: string;
  readonly status: number | undefined;
}

const read = (error: unknown): Read => {
  if (!(error instanceof Error)) return { name: null, message: String(error), status: undefined };
  const metadata = '$metadata' in error ? (error.$metadata as { httpStatusCode?: number } | undefined) : undefined;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const name = error.name === 'Error' ? (code ?? null) : error.name;
  return { name, message: error.message || (code ?? error.name), status: metadata?.httpStatusCode };
};
