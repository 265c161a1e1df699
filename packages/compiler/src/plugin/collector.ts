/** The part of a build that is the same in every bundler: compile files, remember their functions, write the manifest. */
import { join } from 'node:path';
import { formatProblem } from '../frame.ts';
import { modulePath } from '../identity.ts';
import { type Language, languageOf } from '../language.ts';
import { formatManifest, MANIFEST_NAME, type ManifestModule } from '../manifest.ts';
import { type CompilerOptions, mentionsFlame } from '../options.ts';
import { openProject, type Project } from '../project.ts';
import { findAppRoot } from '../root.ts';
import { type Transformed, transform } from '../transform.ts';

export interface PluginOptions extends CompilerOptions {
  /** The application root, to which ids are relative. Default: `FLAME_ROOT`, else found from the working directory. */
  readonly root?: string | undefined;
  /** File name of the manifest in the output folder; `false` for none. Default: `flame-manifest.json`. */
  readonly manifest?: string | false | undefined;
  /** Names the build in the manifest. Default: `FLAME_RELEASE`, else a digest of the output. */
  readonly release?: string | undefined;
  /**
   * Gives each module with flame functions a chunk of its own, so that runners import just that and not the entry. Rollup,
   * Rolldown and Vite only, and not with output in one file. Default: `false`.
   */
  readonly chunks?: boolean | undefined;
}

/** Where a module of the source went. */
export type Placement = (file: string) => string | undefined;

export interface Collector {
  readonly chunks: boolean;
  /** Whether functions of a module have been seen in this build. */
  has(id: string): boolean;
  /** @param language that the code is in; `undefined` for what is none. */
  compile(
    code: string,
    id: string,
    language: Language | undefined,
    warn: (text: string) => void,
  ): Transformed | undefined;
  /**
   * @param folder of the output.
   * @param placement gives the output file that a source file went into; what went nowhere is left out.
   * @param digest of the output, asked for when no release was given.
   * @returns the manifest's path and text; `undefined` when there is nothing to write.
   */
  manifest(
    folder: string,
    placement: Placement,
    digest: () => string,
  ): { readonly path: string; readonly text: string } | undefined;
}

export function createCollector(options: PluginOptions): Collector {
  let project: Project | undefined;
  // By id, for a component may come in several parts of one file.
  const found = new Map<string, { readonly module: string; readonly functions: Transformed['functions'] }>();
  // Not before the first file: bundlers load their config before they know where they are.
  const open = (): Project => {
    project ??= openProject(options.root ?? findAppRoot(process.cwd()), options);
    return project;
  };
  return {
    chunks: options.chunks ?? false,
    has: (id) => found.has(id),
    compile(code, id, language, warn) {
      const file = fileOf(id);
      found.delete(id);
      if (language === undefined || !mentionsFlame(code, open().options)) return undefined;
      const { root, options: parsed } = open();
      const module = modulePath(file, root);
      if (module === undefined) return undefined;
      const result = transform({ code, file, module, language, options: parsed });
      if (result === undefined) return undefined;
      for (const warning of result.warnings) warn(formatProblem(warning, module, code));
      found.set(id, { module, functions: result.functions });
      return result;
    },
    manifest(folder, placement, digest) {
      if (options.manifest === false) return undefined;
      const modules = new Map<string, ManifestModule>();
      for (const [id, { module, functions }] of found) {
        const file = placement(fileOf(id));
        const others = modules.get(module)?.functions ?? [];
        if (file !== undefined) modules.set(module, { file: join(folder, file), functions: [...others, ...functions] });
      }
      if (modules.size === 0) return undefined;
      const release = options.release ?? process.env.FLAME_RELEASE ?? digest();
      return {
        path: join(folder, options.manifest ?? MANIFEST_NAME),
        text: formatManifest({ release, modules }, folder),
      };
    },
  };
}

/** Bundlers mark generated modules with a zero byte, and what is not code with a query. */
export const isSource = (id: string): boolean =>
  !id.startsWith('\0') && !/[?&](?:raw|url|inline)\b/.test(id) && languageOf(fileOf(id)) !== undefined;

/** Files that a framework's plugin turns into code, as a whole or in parts: `App.vue?vue&type=script&lang.ts`. */
export const isComponent = (id: string): boolean =>
  !id.startsWith('\0') &&
  /\.(?:vue|svelte|astro|mdx)$/.test(fileOf(id)) &&
  !/[?&](?:raw|url|inline)\b|[?&]type=(?!script)|[?&.]lang\.(?:css|s[ac]ss|less|styl|pcss)\b/.test(id);

export const fileOf = (id: string): string => id.replace(/[?#].*$/, '');
