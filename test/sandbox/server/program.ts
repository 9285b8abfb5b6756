import {readdirSync} from 'node:fs';
import {join} from 'node:path';
import {RECIPES, type TreeName} from './fetch-recipes.ts';

/** A command line as `spawn` wants it. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** How to run the server of an unpacked tree: by the tree's own loader and libraries, since the host's may be older. */
export function programOf(server: TreeName, tree: string): Program {
  const recipe = RECIPES[server];
  const program = join(tree, recipe.program);
  if (recipe.from === 'npm') return {command: program, args: [], env: {LD_LIBRARY_PATH: tree}};
  // Java looks for its own files beside the program that runs, which must not be the loader.
  if (server === 'zookeeper') return {command: program, args: [], env: {}};
  const {loader, libraries} = loaderOf(tree);
  return {command: loader, args: ['--library-path', libraries, program], env: {}};
}

/** The dynamic loader of an unpacked tree and what it takes as library path. */
export function loaderOf(tree: string): {readonly loader: string; readonly libraries: string} {
  const folders = libraryFolders(tree);
  return {loader: loaderIn(folders), libraries: folders.join(':')};
}

function libraryFolders(tree: string): string[] {
  const bases = ['usr/lib', 'lib'].map((base) => join(tree, base));
  return bases.flatMap((base) =>
    entries(base)
      .filter((name) => name.endsWith('-linux-gnu'))
      .map((name) => join(base, name)),
  );
}

function loaderIn(folders: readonly string[]): string {
  for (const folder of folders) {
    const loader = entries(folder).find((name) => /^ld-linux.*\.so\.\d+$/.test(name));
    if (loader) return join(folder, loader);
  }
  throw new Error(`No dynamic loader among ${folders.join(', ')}; remove that folder and fetch the server again.`);
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
