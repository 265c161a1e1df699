/**
 * Runs in every test worker before its files: marks whatever the tests start. The worker itself started without the
 * marker, so that it does not count as a leftover of its own run.
 */
import { inject } from 'vitest';
import { markerName } from './marked.ts';

process.env[markerName] = inject('testRun');
