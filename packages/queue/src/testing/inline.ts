/** One line of a test runner's setup: calls run in the process of the test, and the testing kit sees them. */
process.env.FLAME_MODE = 'inline';

import './kit/index.ts';
