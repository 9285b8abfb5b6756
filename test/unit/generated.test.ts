import {readFileSync} from 'node:fs';
import path from 'node:path';
import {expect, test} from 'vitest';
import {GENERATED, generate} from '../../script/generated/index.ts';
import {ROOT} from './sources.ts';

test.each(GENERATED)('$path is what script/generate writes', async (file) => {
  expect(readFileSync(path.join(ROOT, file.path), 'utf8')).toBe(await generate(file));
});
