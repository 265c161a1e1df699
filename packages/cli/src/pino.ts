/** For whoever loads it later: a bundle knows the names of what is imported like this, and not of CommonJS that is imported at run time. */
export { pino } from 'pino';
