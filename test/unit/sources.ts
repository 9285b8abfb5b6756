import {globSync, readFileSync} from 'node:fs';
import path from 'node:path';

/** Root of the repository. */
export const ROOT = path.resolve(import.meta.dirname, '../..');

export interface Source {
  /** From the root, with slashes: `src/lib/model/instance.ts`. */
  readonly file: string;
  readonly text: string;
  /** Files of this repository that it imports, from the root. */
  readonly imports: readonly Import[];
}

export interface Import {
  readonly file: string;
  /** Gone when types are stripped: it costs nothing at run time. */
  readonly typeOnly: boolean;
}

/** Every TypeScript file below a folder, in order. */
export function sourcesIn(folder: string): readonly Source[] {
  return globSync(`${folder}/**/*.ts`, {cwd: ROOT})
    .map((file) => file.replaceAll(path.sep, '/'))
    .sort()
    .map((file) => {
      const text = readFileSync(path.join(ROOT, file), 'utf8');
      return {file, text, imports: importsOf(file, text)};
    });
}

/** Relative imports of a source text: `import … from`, `export … from`, `import '…'` and `import('…')`. */
export function importsOf(file: string, text: string): readonly Import[] {
  const statement =
    /^\s*(import|export)\s+(type\s)?[^'"`;]*?from\s*['"](\.[^'"]+)['"]|^\s*import\s*['"](\.[^'"]+)['"]|\bimport\(\s*['"](\.[^'"]+)['"]\s*\)/gm;
  return [...text.matchAll(statement)].map((match) => ({
    file: path.posix.join(path.posix.dirname(file), match[3] ?? match[4] ?? match[5] ?? ''),
    typeOnly: match[2] !== undefined,
  }));
}
