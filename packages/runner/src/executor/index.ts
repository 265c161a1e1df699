export { createExecutorPool } from './pool.ts';
export type {
  EncodedArgs,
  Execution,
  ExecutionListener,
  ExecutionResult,
  ExecutorPool,
  ExecutorPoolOptions,
  Isolation,
  Log,
  OutputStream,
  RunningExecution,
} from './types.ts';
