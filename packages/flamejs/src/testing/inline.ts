/** One line of a test runner's setup: calls run in the process of the test. */
import '@flamejs/queue/testing/inline';
