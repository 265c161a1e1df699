/**
 * `node --import @flamejs/compiler/register app.ts`: compiles flame calls as modules are loaded, in ES modules, CommonJS and
 * TypeScript. With tsx, put it after: `--import tsx --import @flamejs/compiler/register`.
 */
import { install } from './loader/install.ts';

install();
