/** Spans of calls by OpenTelemetry. Needs `@opentelemetry/api`; nothing else of Flame does. */
export * from '@flamejs/queue/otel';
