/** What an instance runs; `flamejs runner` does the same. */
import '@flamejs/runner/main';
