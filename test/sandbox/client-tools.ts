import {chmod, mkdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {fetchServer} from './fetch.ts';
import {loaderOf} from './server/program.ts';

const TOOLS = ['curl', 'jq', 'shellcheck'] as const;

/**
 * A folder for PATH with curl, jq and shellcheck, whether this host has them or not: always the same ones, so that a test of what
 * works with them says the same everywhere.
 *
 * @param into where the folder is made
 */
export async function clientTools(into: string): Promise<string> {
  const {folder} = await fetchServer('client-tools');
  const {loader, libraries} = loaderOf(folder);
  const bin = join(into, 'tools');
  await mkdir(bin, {recursive: true});
  for (const tool of TOOLS) {
    const file = join(bin, tool);
    await writeFile(file, `#!/bin/sh\nexec '${loader}' --library-path '${libraries}' '${join(folder, 'usr/bin', tool)}' "$@"\n`);
    await chmod(file, 0o755);
  }
  return bin;
}
