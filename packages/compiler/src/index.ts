export { type Compiled, compileFile, declaresFlameFunctions } from './compile.ts';
export type { Declared } from './emit.ts';
export { FlameCompileError } from './errors.ts';
export { formatProblem } from './frame.ts';
export { moduleOfId, modulePath, resolveModule } from './identity.ts';
export { type InstallOptions, install } from './loader/install.ts';
export {
  FlameManifestError,
  fileOfFunction,
  formatManifest,
  MANIFEST_NAME,
  type Manifest,
  type ManifestModule,
  readManifest,
} from './manifest.ts';
export { type CompilerOptions, parseOptions } from './options.ts';
export type { Problem, Severity } from './problems.ts';
export { findAppRoot } from './root.ts';
export { type Transformed, type TransformInput, transform } from './transform.ts';
