import {describe, expect, test} from 'vitest';
import {dumpConfig} from '../../src/lib/config/dump.ts';
import {KEYS, KEY_NAMES} from '../../src/lib/config/keys.ts';
import {redact, scrub, SECRET_KEYS} from '../../src/lib/config/secrets.ts';
import {load, thrown} from './support/config.ts';

const secrets = Object.fromEntries(SECRET_KEYS.map((key, index) => [key, `hunter${index}-"quoted"/\\$&`]));

test('every key that holds a password or token is a secret', () => {
  expect(SECRET_KEYS).toEqual([
    'MySQLTopologyPassword',
    'MySQLOrchestratorPassword',
    'ReplicationCredentialsQuery',
    'OAuthClientSecret',
    'HTTPAuthPassword',
    'ConsulAclToken',
    'ProxySQLAdminPassword',
  ]);
  expect(KEY_NAMES.filter((key) => /password|secret|token$/i.test(key)).filter((key) => !SECRET_KEYS.includes(key))).toEqual([]);
});

test('printing a configuration hides every secret, and only those', () => {
  const {config} = load({...secrets, WebMessage: 'hello'});
  const printed = JSON.parse(dumpConfig(config, {showSecrets: false})) as Record<string, unknown>;
  expect(
    Object.entries(printed)
      .filter(([, value]) => value === '********')
      .map(([key]) => key),
  ).toEqual(SECRET_KEYS);
  expect(printed['WebMessage']).toBe('hello');
  expect(JSON.stringify([redact(config), dumpConfig(config, {showSecrets: false})])).not.toContain('hunter');
  expect(JSON.parse(dumpConfig(config, {showSecrets: true}))).toMatchObject(secrets);
  expect(config).toMatchObject(secrets); // redact leaves its argument alone
});

test('an empty secret prints empty', () => {
  expect(redact(load({}).config).HTTPAuthPassword).toBe('');
});

test.each(SECRET_KEYS)('%s of the wrong type is not said in the error', (key) => {
  for (const value of [987654321, ['hunter'], {hunter: 'hunter'}])
    expect(String(thrown(() => load({[key]: value})))).not.toMatch(/hunter|9876/);
});

describe('free text', () => {
  test.each(SECRET_KEYS)('loses the value of %s however it is written', (key) => {
    const {config} = load(secrets);
    const value = secrets[key] ?? '';
    for (const spelling of [value, JSON.stringify({value}), `http://u:${encodeURIComponent(value)}@h/`, `twice ${value} ${value}`]) {
      const scrubbed = scrub(`before ${spelling} after`, config);
      expect(scrubbed).not.toContain('hunter');
      expect(scrubbed).toMatch(/^before .*\*{8}.* after$/);
    }
  });

  test.each([
    {password: 'a', text: 'a man, a plan: "a"', scrubbed: '******** man, ******** plan: "********"'},
    {password: 'abc', text: 'abcd abc', scrubbed: 'abcd ********'},
    {password: 'abcd', text: 'xabcdx', scrubbed: 'x********x'},
    {password: '', text: 'nothing to hide', scrubbed: 'nothing to hide'},
    {password: '.*+', text: 'a.b .*+', scrubbed: 'a.b ********'},
  ])('$password in $text', ({password, text, scrubbed}) => {
    expect(scrub(text, load({HTTPAuthPassword: password}).config)).toBe(scrubbed);
  });

  test('of two secrets the longer one goes first', () => {
    expect(scrub('secretsecret', load({HTTPAuthPassword: 'secret', ConsulAclToken: 'secretsecret'}).config)).toBe('********');
  });
});

describe('dump', () => {
  const dumped = (): string => {
    const {config, origin} = load({OAuthScopes: [], WebMessage: '<b>&\u2028"'});
    return dumpConfig(config, {showSecrets: false, origin});
  };

  test('is one line of JSON, with the 190 keys of 3.2.6 in its order and ours after them', () => {
    const line = dumped();
    const names = Object.keys(JSON.parse(line) as object);
    expect(line).not.toContain('\n');
    expect(names).toEqual(KEY_NAMES);
    expect(names.slice(190).every((name) => 'since' in KEYS[name as keyof typeof KEYS])).toBe(true);
    expect([names[0], names[189]]).toEqual(['Debug', 'ReasonableLockedSemiSyncMasterSeconds']);
  });

  test('a list that was never set is null where that is its default, and a set one is not', () => {
    expect(JSON.parse(dumped())).toMatchObject({DiscoveryIgnoreHostnameFilters: null, OAuthScopes: [], DiscoverySeeds: []});
    expect(JSON.parse(dumpConfig(load({OAuthScopes: []}).config, {showSecrets: false}))).toMatchObject({OAuthScopes: null});
  });

  test('what a page could take for markup is escaped, as 3.2.6 does', () => {
    expect(dumped()).toContain('"WebMessage":"\\u003cb\\u003e\\u0026\\u2028\\""');
  });
});
