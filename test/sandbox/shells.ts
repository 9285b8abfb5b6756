import {chmod, mkdir, readdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {fetchServer} from './fetch.ts';
import {loaderOf} from './server/program.ts';

/**
 * A folder for PATH with fish and zsh, whether this host has them or not. Zsh finds its modules and its completion functions.
 *
 * @param into where the folder is made
 */
export async function shells(into: string): Promise<string> {
  const {folder} = await fetchServer('shells');
  const {loader, libraries} = loaderOf(folder);
  const bin = join(into, 'shells');
  await mkdir(bin, {recursive: true});
  for (const [shell, program] of Object.entries({fish: 'usr/bin/fish', zsh: 'bin/zsh'})) {
    const file = join(bin, shell);
    await writeFile(file, `#!/bin/sh\nZDOTDIR='${bin}' exec '${loader}' --library-path '${libraries}' '${join(folder, program)}' "$@"\n`);
    await chmod(file, 0o755);
  }
  const modules = libraries.split(':').find((one) => one.includes('usr/lib')) ?? '';
  const [version = ''] = await readdir(join(modules, 'zsh'));
  await writeFile(
    join(bin, '.zshenv'),
    [
      `module_path=('${join(modules, 'zsh', version)}')`,
      // Those of the programs of a whole distribution would take seconds to look through.
      `fpath=('${join(folder, 'usr/share/zsh/functions')}'{,/Completion{,/Base,/Zsh}})`,
      '',
    ].join('\n'),
  );
  return bin;
}
