import {execFile} from 'node:child_process';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const lines = (count: number, line: (n: number) => string): string => Array.from({length: count}, (_, n) => line(n)).join('\n');

/** One small offence a rule: what the linter is there to refuse, and nothing that the compiler already would. */
const OFFENCES: Readonly<Record<string, string>> = {
  'max-lines': lines(401, (n) => `export const a${n} = ${n};`),
  'max-lines-per-function': `export function long(): void {\n${lines(61, () => '  JSON.stringify(1);')}\n}`,
  'max-params': 'export const f = (a: number, b: number, c: number, d: number, e: number): number => a + b + c + d + e;',
  'max-depth':
    'export function f(a: number): number {\n  if (a > 1) {\n    if (a > 2) {\n      if (a > 3) {\n        if (a > 4) return 1;\n      }\n    }\n  }\n  return 0;\n}',
  'no-floating-promises': 'export function f(): void {\n  Promise.resolve(1);\n}',
  'no-misused-promises': 'export const f = (): void => [1].forEach(async () => Promise.resolve());',
  'return-await':
    'export async function f(): Promise<number> {\n  try {\n    return Promise.resolve(1);\n  } catch {\n    return 2;\n  }\n}',
  'only-throw-error': "export function f(): void {\n  throw 'text';\n}",
  'no-explicit-any': 'export const f = (a: any): unknown => a;',
  'no-unsafe-argument': "export const f = (): string => encodeURIComponent(JSON.parse('1'));",
  'no-unsafe-assignment': "export const a: string = JSON.parse('1');",
  'no-unsafe-call': "export const f = (): void => {\n  JSON.parse('1')();\n};",
  'no-unsafe-member-access': "export const f = (): unknown => JSON.parse('1').a as unknown;",
  'no-unsafe-return': "export const f = (): string => JSON.parse('1');",
  'no-non-null-assertion': 'export const f = (a: string | null): string => a!;',
  'switch-exhaustiveness-check':
    "export function f(a: 'x' | 'y'): number {\n  switch (a) {\n    case 'x':\n      return 1;\n  }\n  return 0;\n}",
  'no-default-export': 'export default 1;',
  'no-process-exit': 'export const f = (): never => process.exit(1);',
  'no-console': 'export const f = (): void => console.log(1);',
  eqeqeq: 'export const f = (a: string, b: string): boolean => a == b;',
  'no-empty': 'export function f(): void {\n  try {\n    JSON.parse("");\n  } catch {}\n}',
  'no-warning-comments': '// TODO: later\nexport const a = 1;',
  'no-cycle': "import {b} from './no-cycle-other.ts';\nexport const a = (): number => b();",
};

const settings = {
  extends: path.join(root, 'tsconfig.json'),
  compilerOptions: {typeRoots: [path.join(root, 'node_modules/@types')]},
  include: ['.'],
};
let folder = '';
let found: ReadonlyMap<string, readonly string[]> = new Map();

/** Runs the linter once over one file an offence, with the repository's own configuration and compiler settings. */
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lint-'));
  await writeFile(path.join(folder, 'tsconfig.json'), JSON.stringify(settings));
  await writeFile(path.join(folder, 'no-cycle-other.ts'), "import {a} from './no-cycle.ts';\nexport const b = (): number => a();\n");
  await Promise.all(Object.entries(OFFENCES).map(([rule, text]) => writeFile(path.join(folder, `${rule}.ts`), `${text}\n`)));
  const report = JSON.parse(await oxlint(['--type-aware', '-c', path.join(root, '.oxlintrc.json'), '--format=json', '.'])) as {
    diagnostics: readonly {code: string; filename: string; severity: string}[];
  };
  const errors = report.diagnostics.filter((one) => one.severity === 'error');
  const ruleOf = (code: string): string => /\(([\w-]+)\)/.exec(code)?.[1] ?? code;
  const byFile = Map.groupBy(errors, (one) => path.basename(one.filename, '.ts'));
  found = new Map(Array.from(byFile, ([file, all]) => [file, all.map((one) => ruleOf(one.code))]));
}, 60_000);

afterAll(() => rm(folder, {recursive: true, force: true}));

function oxlint(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(path.join(root, 'node_modules/.bin/oxlint'), args, {cwd: folder, maxBuffer: 32 << 20}, (error, stdout, stderr) =>
      stdout === '' ? reject(new Error(stderr, {cause: error})) : resolve(stdout),
    );
  });
}

test.each(Object.keys(OFFENCES))('the linter refuses %s', (rule) => {
  expect(found.get(rule) ?? []).toContain(rule);
});
