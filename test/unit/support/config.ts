import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {onTestFinished} from 'vitest';
import {checkConfig, loadConfig, type LoadedConfig, type LoadOptions} from '../../../src/lib/config/load.ts';
import type {Notice} from '../../../src/lib/config/notice.ts';

type Files = Readonly<Record<string, string | object>>;

/** A folder with these files, removed after the test; objects are written as JSON. */
export function folder(files: Files): string {
  const at = mkdtempSync(path.join(tmpdir(), 'orchestrator-config-'));
  onTestFinished(() => rmSync(at, {recursive: true, force: true}));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(at, name)), {recursive: true});
    writeFileSync(path.join(at, name), typeof content === 'string' ? content : JSON.stringify(content, null, 1));
  }
  return at;
}

type More = Omit<Partial<LoadOptions>, 'path'>;

/** A configuration that nothing is to be said about, so that every notice is the test's own. */
export const QUIET = {BackendDB: 'sqlite', SQLite3DataFile: '/tmp/o.sqlite', ListenAddress: '127.0.0.1:3000'};

/** One file with these keys on top of `QUIET`, loaded. */
export function load(keys: object, more: More = {}): LoadedConfig {
  return loadConfig({path: 'o.json', env: {}, cwd: folder({'o.json': {...QUIET, ...keys}}), ...more});
}

/** The same, checked: nothing is thrown. */
export function check(keys: object, more: More = {}): readonly Notice[] {
  return checkConfig({path: 'o.json', env: {}, cwd: folder({'o.json': {...QUIET, ...keys}}), ...more});
}

/** The error a call ends with; fails when it ends well. */
export function thrown(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('no error was thrown');
}
