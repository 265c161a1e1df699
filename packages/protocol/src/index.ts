/** What the runner, the autoscaler, the dashboard and the command line share with the facade. Not for applications. */

export {
  type Alert,
  type AlertName,
  type AlertState,
  type Condition,
  judge,
  type Patience,
} from './alerts/alert.ts';
export { type AlertSender, type AlertsConfig, createAlertSender } from './alerts/send-alerts.ts';
export type { Delivery } from './alerts/webhook.ts';
export { type AwakeClock, createAwakeClock } from './awake.ts';
export {
  describeLegacy,
  findLegacySchedules,
  type LegacySchedule,
  type QueueNames,
  queueBase,
} from './bullmq/legacy-schedules.ts';
export { lookAtQueue, type QueueLimit, type QueueLook } from './bullmq/queue-look.ts';
export { BULLMQ_VERSION } from './bullmq-scripts.ts';
export { CallBackend } from './call-backend.ts';
export { callBackendFactory } from './call-backend-factory.ts';
export { newCallId, poolOfCallId, userCallId } from './call-id.ts';
export { connect, connectPlain, disconnect, type RedisClient, runScript, whenReady } from './connect.ts';
export { cancelCall } from './end-call.ts';
export * from './envelope.ts';
export { decideExpiry, type ExpiryDecision, type StillBound } from './expiry.ts';
export { expiryError } from './expiry-error.ts';
export {
  type Explanation,
  explainWaiting,
  type PlatformStatus,
  type PoolStatus,
  type WaitingReason,
} from './explain.ts';
export { beat, type HeartbeatFields, type HeartbeatReply, leave } from './heartbeat.ts';
export type { PastAttempt } from './history.ts';
export {
  createHousekeeping,
  type Housekeeping,
  LOCK_RENEW_MS,
} from './housekeeping.ts';
export { type CallInspection, type CallState, inspectCall } from './inspection.ts';
export { createInterruptible, type Interruptible } from './interruptible.ts';
export { type AppKeys, appKeys, type PoolKeys, poolKeys } from './keys.ts';
export { announcePool, forgetPool, notInConfig, readKnownPools } from './known-pools.ts';
export {
  type LimitChange,
  type LimitKeyView,
  type LimitView,
  readLimitKeys,
  readLimits,
  setLimit,
} from './limit-settings.ts';
export { createLimitSweeper, LIMIT_SWEEP_MS, type LimitSweep } from './limit-sweep.ts';
export { heldGates } from './limits.ts';
export { BUCKET_BOUNDS_MS, type HistogramName, histogramFields } from './metrics/buckets.ts';
export { METRICS, type MetricName } from './metrics/catalog.ts';
export { CONTENT_TYPE } from './metrics/exposition.ts';
export { type PoolNumbers, readPoolNumbers } from './metrics/pool-numbers.ts';
export { PURPOSES, type Purpose } from './metrics/purposes.ts';
export { type MetricsSource, renderMetrics } from './metrics/render-metrics.ts';
export { renderReplicas } from './metrics/render-replicas.ts';
export { createTally, OTHER_FUNCTIONS, type Tally } from './metrics/tally.ts';
export { type Lookup, type Outcome, parseHead } from './outcome.ts';
export { isPassing, pauseBefore } from './passing-errors.ts';
export { sealNote } from './payload/note.ts';
export { createVault, isSealed, type Vault } from './payload/vault.ts';
export type { PickUp } from './pick-up.ts';
export { decisionOf, type PlatformDecision, parsePlatform, readDecisions } from './platform-decision.ts';
export { parsePoolStatus, readPoolStatuses } from './pool-status.ts';
export { createPushConnection, type PushConnection } from './push-connection.ts';
export { redisNow } from './redis-now.ts';
export { createRetries, type Retries, type RetryResult } from './retry.ts';
export {
  type OrderedBy,
  type OrderResult,
  orderRunner,
  parseOrder,
  type RunnerOrder,
  type StandingOrder,
} from './runner-orders.ts';
export {
  type AgentState,
  type ControlMessage,
  type PoolEvent,
  parseRunnerRecord,
  type RunnerFault,
  type RunnerRecord,
} from './runner-record.ts';
export { MAKE_UP_MS } from './schedule-timing.ts';
export { listSchedules, parseSchedule, removeSchedule, type Schedule, type ScheduleRun } from './schedules.ts';
export { admitServer, judgeServer, readServerFacts, type ServerFacts, type ServerFinding } from './server-check.ts';
export * from './store/call-store.ts';
export { type Handed, newOffer, parseHanded } from './store/hand-over.ts';
export { LOCK_MS } from './store/lock.ts';
export { fetchBody, lookupCall } from './store/redis-outcomes.ts';
export { STALLED_CHECK_MS } from './store/redis-rest.ts';
export { createRedisStore, type StoreNotes } from './store/redis-store.ts';
export {
  type DamagedRecord,
  damageLog,
  type Fields,
  finite,
  haveNumbers,
  type OnDamage,
  parseObject,
  removalOf,
} from './stored.ts';
export * from './stream/chunk.ts';
export * from './stream/stream-store.ts';
export { INLINE_REPLY_BYTES, type OutcomeHead, type ParkVerdict } from './verdict.ts';
