import {readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {GENERATED, generate} from './generated/index.ts';

const root = path.join(import.meta.dirname, '..');
const check = process.argv.includes('--check');

for (const file of GENERATED) {
  const target = path.join(root, file.path);
  const text = await generate(file);
  if (read(target) === text) continue;
  if (check) process.exitCode = 1;
  else writeFileSync(target, text);
  console.log(check ? `${file.path} is out of date: run script/generate` : `wrote ${file.path}`);
}

function read(target: string): string | null {
  try {
    return readFileSync(target, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
