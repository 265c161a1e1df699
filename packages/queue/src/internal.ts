/**
 * What the runner, the autoscaler, the dashboard, the command line and the compiler need beside the public API. Executors load it:
 * what talks to Redis stands in entries of its own.
 */

export * from '@flamejs/protocol/attempt/next-attempt';
export * from '@flamejs/protocol/codec';
export * from '@flamejs/protocol/errors';
export { type Parsed, show } from '@flamejs/protocol/parsed';
export { keyText } from '@flamejs/protocol/payload/keys';
export { encodeNote } from '@flamejs/protocol/payload/note';
export { type ScopeKeys, scopeBox, scopeKeys } from '@flamejs/protocol/payload/secret-box';
export { isSecretName, redactText } from '@flamejs/protocol/redact-text';
export { isSecret } from '@flamejs/protocol/secret';
export { didYouMean, suggest } from '@flamejs/protocol/suggest';
export * from './backoff.ts';
export { fromPlain, packJobReply, parseJobRequest, toPlain } from './bullmq/job-messages.ts';
export * from './bullmq/names.ts';
export type { AboutWorker, Processed } from './bullmq/processor.ts';
export * from './call-options.ts';
export { isExecutor, type NestedTransport, setNestedTransport, whileLoading } from './client/executor-side.ts';
export { giveSecrets } from './client/secrets-here.ts';
export * from './config/index.ts';
export * from './context.ts';
export { createEnding, type Ending } from './ending.ts';
export * from './execute.ts';
export { bindingOf } from './fn.ts';
export * from './index.ts';
export { isExternal } from './is-external.ts';
export * from './registry.ts';
export * from './stream/item-sink.ts';
export { currentTelemetry } from './telemetry/current.ts';
