import {globSync, readFileSync} from 'node:fs';
import {expect, test} from 'vitest';
import {CANARIES} from '../../chaos/canaries.ts';
import {SCENARIOS} from '../../chaos/scenarios/index.ts';

const SOURCES = globSync('src/lib/**/*.ts', {cwd: `${import.meta.dirname}/../../..`}).map(
  (path) => `${import.meta.dirname}/../../../${path}`,
);

test.each(CANARIES)('$name: what it takes out is there, and so is the scenario that shows it', ({edits, scenario}) => {
  const missing = edits.filter(({file, find}) => !SOURCES.some((path) => path.endsWith(file) && readFileSync(path, 'utf8').includes(find)));
  expect(missing).toEqual([]);
  expect(SCENARIOS.map(({name}) => name)).toContainEqual(expect.stringContaining(scenario));
});
