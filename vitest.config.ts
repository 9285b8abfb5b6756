import {defineConfig} from 'vitest/config';
import {LongestFirst} from './test/setup/longest-first.ts';

const seconds = 1000;
/** Set by `script/test`: a whole run, in which nothing may be left out. */
const whole = process.env['ORCHESTRATOR_TEST_RUN'] !== undefined;

/** The tiers of test/, cheapest first. Real servers are heavy: two files at a time. */
export default defineConfig({
  test: {
    allowOnly: !whole,
    passWithNoTests: false,
    sequence: {sequencer: LongestFirst},
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          testTimeout: 10 * seconds,
          maxWorkers: 2,
          sequence: {groupOrder: 1},
        },
      },
      {
        test: {
          name: 'backend',
          include: ['test/backend/**/*.test.ts', 'test/legacy/**/*.test.ts'],
          globalSetup: ['test/setup/bundle.ts'],
          testTimeout: 120 * seconds,
          hookTimeout: 300 * seconds,
          teardownTimeout: 30 * seconds,
          maxWorkers: 2,
          sequence: {groupOrder: 2},
        },
      },
      {
        test: {
          name: 'servers',
          include: ['test/servers/**/*.test.ts'],
          globalSetup: ['test/setup/bundle.ts'],
          testTimeout: 120 * seconds,
          hookTimeout: 300 * seconds,
          teardownTimeout: 30 * seconds,
          maxWorkers: 2,
          sequence: {groupOrder: 3},
        },
      },
      {
        test: {
          name: 'chaos',
          include: ['test/chaos/**/*.test.ts'],
          globalSetup: ['test/setup/bundle.ts'],
          testTimeout: 300 * seconds,
          hookTimeout: 300 * seconds,
          teardownTimeout: 30 * seconds,
          maxWorkers: 1,
          sequence: {groupOrder: 4},
        },
      },
    ],
  },
});
