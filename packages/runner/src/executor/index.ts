export { createExecutorPool } from './pool.ts';
export type {
  EncodedArgs,
  Execution,
  ExecutionListener,
  ExecutionResult,
  ExecutorPool,
  ExecutorPoolOptions,
  Isolation,
  ItemChunk,
  Log,
  OutputStream,
  RunningExecution,
  StreamOrder,
  StreamTap,
} from './types.ts';
