/** What the runner, the autoscaler, the dashboard, the command line and the compiler need beside the public API. */
export * from './backoff.ts';
export * from './call-options.ts';
export { isExecutor, type NestedTransport, setNestedTransport } from './client/executor-side.ts';
export { giveSecrets } from './client/secrets-here.ts';
export * from './codec/index.ts';
export * from './config/index.ts';
export * from './context.ts';
export * from './errors/index.ts';
export * from './execute.ts';
export { bindingOf } from './fn.ts';
export * from './index.ts';
export { type Parsed, show } from './parsed.ts';
export { keyText } from './payload/keys.ts';
export { type ScopeKeys, scopeBox, scopeKeys } from './payload/secret-box.ts';
export { isSecretName, redactText } from './redact-text.ts';
export * from './registry.ts';
export { isSecret } from './secret.ts';
export { didYouMean, suggest } from './suggest.ts';
