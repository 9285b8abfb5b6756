import path from 'node:path';
import {format, resolveConfig} from 'prettier';
import {configSchema} from '../../src/lib/config/schema.ts';
import {apiPage} from './api.ts';
import {commandsPage} from './commands.ts';
import {configurationPage} from './configuration.ts';
import {manPage} from './man.ts';
import {metricsPage} from './metrics.ts';

/** A file of the repository whose text derives from declarations in src/. */
export interface GeneratedFile {
  /** From the root of the repository. */
  readonly path: string;
  text(): string | Promise<string>;
}

/** Every generated file. `script/generate` writes them; test/unit/generated.test.ts fails when one is out of date. */
export const GENERATED: readonly GeneratedFile[] = [
  {path: 'docs/orchestrator.conf.schema.json', text: () => JSON.stringify(configSchema())},
  {path: 'docs/configuration.md', text: configurationPage},
  {path: 'docs/commands.md', text: commandsPage},
  {path: 'docs/metrics.md', text: metricsPage},
  {path: 'man/orchestrator.1', text: manPage},
  {path: 'docs/api.md', text: apiPage},
];

/** The text of a generated file, laid out as `script/lint` wants it. */
export async function generate(file: GeneratedFile): Promise<string> {
  const text = await file.text();
  if (/\.(md|\d)$/.test(file.path)) return text;
  const filepath = path.join(import.meta.dirname, '../..', file.path);
  return await format(text, {...(await resolveConfig(filepath)), filepath});
}
