import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import {expect, test} from 'vitest';
import {fillQuoted} from '../../src/lib/hooks/quote.ts';

const run = promisify(execFile);
const NASTY = [
  'plain-host.example',
  'two words',
  '$(echo owned)',
  '`echo owned`',
  "it's; echo owned",
  '"; echo owned; "',
  '$HOME \\ \\\\ *',
  'a\necho owned',
  "'$(echo owned)'",
  '#!|&<>()[]{}~',
  '-n',
  '',
];

async function shell(script: string): Promise<string> {
  return (await run('bash', ['-c', script], {timeout: 10_000})).stdout;
}

const fill = (script: string, value: string): string => fillQuoted(script, (name) => (name === 'v' ? value : undefined));

/** Where quoting makes a value come out as it went in. */
const WHOLE = [
  "printf '%s|' {v}",
  `printf '%s|' "{v}"`,
  `printf '%s|' '{v}'`,
  `printf '%s|' x{v}`,
  `printf '%s|' "$(printf %s {v})"`,
  `printf '%s|' "$(printf %s "{v}")"`,
  `(printf '%s|' {v})`,
  `echo "it's" > /dev/null; printf '%s|' {v}`,
  `echo \\' > /dev/null; printf '%s|' {v}`,
  `echo $'it\\'s' > /dev/null; printf '%s|' {v}`,
  `# it's a remark\nprintf '%s|' {v}`,
];

test.each(WHOLE.flatMap((script) => NASTY.map((value) => ({script, value}))))('$script with $value', async ({script, value}) => {
  // A substitution drops what ends its output, and an empty word that is bare is none.
  expect(await shell(fill(script, value))).toBe(`${script.includes('x{v}') ? 'x' : ''}${value}|`);
});

/** Where it cannot, the value does no harm. */
const HARMLESS = [
  `printf '%s|' "\${HOME:+{v}}"`,
  "printf '%s|' $'{v}'",
  "printf '%s|' `printf %s {v}`",
  '# {v}\nprintf done',
  "cat <<'END'\n{v}\nEND\nprintf done",
  'cat <<END\n{v}\nEND\nprintf done',
  'cat <<-"END"; printf done\n\t{v}\n\tEND\n',
];

test.each(HARMLESS.flatMap((script) => NASTY.map((value) => ({script, value}))))(
  '$script does no harm with $value',
  async ({script, value}) => {
    const said = await shell(fill(script, value));
    expect(said.replace(value.replaceAll('\n', ' '), '')).not.toMatch(/^owned|\nowned|\|owned/);
    expect(script.startsWith('printf') || said.includes('done')).toBe(true);
  },
);

test('a here-document keeps its text', async () => {
  expect(await shell(fill('cat <<END\nhost {v}, $((1+1))\nEND\necho {v}', 'a $b `c` \\d'))).toBe('host a $b `c` \\d, 2\na $b `c` \\d\n');
  expect(await shell(fill("cat <<'END'\nhost {v}\nEND\necho '{v}'", "it's $b"))).toBe("host it's $b\nit's $b\n");
});

test('what is no placeholder stays, and a value is not looked at again', () => {
  expect(fill('{other} {v} ${v}', '{v}')).toBe("{other} '{v}' $_v_");
});
