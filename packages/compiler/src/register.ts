/**
 * `node --import flamejs/register app.ts`: compiles flame calls as modules are loaded, in ES modules, CommonJS and
 * TypeScript. With tsx, put it after: `--import tsx --import flamejs/register`.
 */
import { install } from './loader/install.ts';

install();
