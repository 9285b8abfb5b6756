import type {KnipConfig} from 'knip';

/** Dead files, exports and dependencies. */
const config: KnipConfig = {
  entry: [
    'src/main.ts',
    'src/commands/*.ts',
    'bin/*.{js,ts}',
    'script/*.{ts,mjs}',
    // Run in processes of their own.
    'script/benchmarks/client.ts',
    'script/benchmarks/scale/{load,floor}.ts',
    'test/**/*.test.ts',
    'test/setup/*.ts',
    'test/sandbox/cli.ts',
    'test/chaos/main.ts',
    // The sandbox is a library for every test to come.
    'test/sandbox/index.ts',
    'test/unit/flavor/record.ts',
    'test/servers/takeover/application.ts',
  ],
  project: ['src/**/*.ts', 'script/**/*.{ts,mjs}', 'test/**/*.ts', 'bin/**/*.{js,ts}'],
  // Run by the shell scripts, which knip does not read.
  ignoreDependencies: ['oxlint', 'oxlint-tsgolint'],
  ignoreBinaries: ['flock', 'perl', 'openssl', 'logger'],
  // A contract between rooms may name a type before somebody else needs it.
  exclude: ['types'],
  ignoreExportsUsedInFile: true,
};

export default config;
