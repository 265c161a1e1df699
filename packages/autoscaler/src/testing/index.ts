/** For authors of backends: `flamejs/backend-testing`. */
export {
  type BackendFixture,
  type BackendSuiteOptions,
  type TestFramework,
  testBackend,
} from './backend-contract.ts';
