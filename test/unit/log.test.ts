import {chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {hostname, tmpdir} from 'node:os';
import path from 'node:path';
import {expect, onTestFinished, test} from 'vitest';
import {within} from '../../src/lib/errors/trail.ts';
import {logTo, type LogSettings} from '../../src/log.ts';
import {openSyslog} from '../../src/syslog.ts';

function written(settings: Partial<LogSettings> = {}) {
  const lines: string[] = [];
  return {lines, log: logTo({write: (text) => void lines.push(text), least: 'warn', format: 'text', ...settings})};
}

test('lines of text, as readers of the predecessor expect them', () => {
  const {lines, log} = written();
  within({recovery: '1:aa'}, () => log('warn', 'it began'));
  log('error', 'two');
  expect(lines).toEqual([
    expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} WARNING it began\n$/),
    expect.stringMatching(/ ERROR two\n$/),
  ]);
});

test('JSON lines say what they belong to', () => {
  const {lines, log} = written({format: 'json'});
  within({request: 'r1'}, () => within({recovery: '1:aa'}, () => log('warn', 'both "of\nthem"')));
  log('error', 'neither');
  const objects = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(objects[0]).toMatchObject({level: 'warn', message: 'both "of\nthem"', request: 'r1', recovery: '1:aa', host: hostname()});
  expect(objects[0]?.['time']).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
  expect(objects[1]).not.toHaveProperty('recovery');
  for (const line of lines) expect(line.indexOf('\n')).toBe(line.length - 1);
});

test('the threshold is moved one level at a time, and no further than there are levels', () => {
  const {lines, log} = written({least: 'info'});
  expect([log.shift('less'), log.shift('less'), log.shift('less')]).toEqual(['warn', 'error', 'error']);
  log('warn', 'not written');
  expect([log.shift('more'), log.shift('more'), log.shift('more')]).toEqual(['warn', 'info', 'info']);
  log('info', 'written');
  expect(lines).toHaveLength(1);
});

test('a listener hears what is written, and nothing else', () => {
  const {log} = written();
  const heard: string[] = [];
  log.tee((level, sentence) => void heard.push(`${level} ${sentence}`));
  log('info', 'below');
  log('error', 'above');
  expect(heard).toEqual(['error above']);
});

/** A folder with a `logger` that writes down what it is given. */
function fakeLogger(): {readonly env: NodeJS.ProcessEnv; readonly said: () => string} {
  const folder = mkdtempSync(path.join(tmpdir(), 'syslog-'));
  onTestFinished(() => rmSync(folder, {recursive: true, force: true}));
  const file = path.join(folder, 'said');
  const script = path.join(folder, 'logger');
  writeFileSync(script, `#!/bin/sh\necho "$*" >> ${file}\nwhile read -r line; do echo "$line" >> ${file}; done\n`);
  chmodSync(script, 0o755);
  return {env: {PATH: `${folder}:/usr/bin:/bin`}, said: () => (existsSync(file) ? readFileSync(file, 'utf8') : '')};
}

test('syslog: one logger for all lines, with their severities', async () => {
  const {env, said} = fakeLogger();
  const {log} = openSyslog(() => undefined, env);
  log('info', 'one');
  log('warn', 'two\n  lines');
  log('error', 'three');
  await expect.poll(said, {timeout: 20_000}).toBe('--tag orchestrator --prio-prefix\n<14>one\n<12>two | lines\n<11>three\n');
});

test('syslog: that there is no logger is told once', async () => {
  const problems: string[] = [];
  const {log} = openSyslog((sentence) => void problems.push(sentence), {PATH: '/nonexistent'});
  log('error', 'one');
  await expect.poll(() => problems, {timeout: 20_000}).toEqual([expect.stringMatching(/^nothing is sent to syslog: .*ENOENT/)]);
  log('error', 'two');
  expect(problems).toHaveLength(1);
});
