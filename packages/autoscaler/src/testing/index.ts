/** For authors of backends: `@flamejs/autoscaler/testing`. */
export {
  type BackendFixture,
  type BackendSuiteOptions,
  type TestFramework,
  testBackend,
} from './backend-contract.ts';
