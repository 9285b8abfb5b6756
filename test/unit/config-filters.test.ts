import {describe, expect, test} from 'vitest';
import {matchesCluster, matchesHost, matchesInstance} from '../../src/lib/config/filters.ts';
import {compilePattern, patternMatches} from '../../src/lib/config/pattern.ts';

describe('clusters', () => {
  const cluster = {name: 'db1.example.com:3306', alias: 'payments'};
  test.each([
    {filters: [], matches: false},
    {filters: ['*'], matches: true},
    {filters: [''], matches: false},
    {filters: ['db1.example.com:3306'], matches: true},
    {filters: ['payments'], matches: true},
    {filters: ['pay'], matches: false}, // a bare expression does not see aliases
    {filters: ['alias=payments'], matches: true},
    {filters: ['alias=pay'], matches: false},
    {filters: ['alias~=^pay'], matches: true},
    {filters: ['alias~=^db1'], matches: false},
    {filters: ['^db[0-9]+[.]'], matches: true},
    {filters: ['^DB1'], matches: false},
    {filters: ['(?i)^DB1'], matches: true},
    {filters: ['x', 'example'], matches: true},
    {filters: ['db1['], matches: false},
    {filters: ['alias~=['], matches: false},
  ])('$filters: $matches', ({filters, matches}) => {
    expect(matchesCluster(filters, cluster)).toBe(matches);
  });

  test('a cluster without an alias is not matched by empty ones', () => {
    expect(matchesCluster(['', 'alias=x'], {name: 'a:1', alias: ''})).toBe(false);
  });
});

describe('instances', () => {
  test.each([
    {filters: [], host: 'a', matches: false},
    {filters: ['^a:3306$'], host: 'a', matches: true},
    {filters: ['3306'], host: 'a', matches: true},
    {filters: ['^a$'], host: 'a', matches: false},
    {filters: ['10.0.0.1'], host: '10.0.0.1', matches: true},
    {filters: ['10.0.0.1'], host: '10.0.0.12', matches: false}, // an address is not an expression
    {filters: ['10.0.0.1:'], host: '10.0.0.1', matches: true},
    {filters: ['::1'], host: '::1', matches: true},
    {filters: ['::1'], host: 'fe80::1', matches: false},
    {filters: ['^fe80::1:3306$'], host: 'fe80::1', matches: true},
    {filters: ['^\\[fe80::1\\]:3306$'], host: 'fe80::1', matches: true},
    {filters: ['['], host: '[', matches: false},
    {filters: ['[', 'a'], host: 'a', matches: true},
  ])('$filters on $host: $matches', ({filters, host, matches}) => {
    expect(matchesInstance(filters, {host, port: 3306})).toBe(matches);
  });
});

test.each([
  {filters: ['^a$'], host: 'a', matches: true},
  {filters: [':3306'], host: 'a', matches: false},
  {filters: ['['], host: 'a', matches: false},
  {filters: [], host: 'a', matches: false},
])('hosts: $filters on $host: $matches', ({filters, host, matches}) => {
  expect(matchesHost(filters, host)).toBe(matches);
});

describe('expressions as RE2 writes them', () => {
  test.each([
    {pattern: '(?i)ABC', text: 'xabcx', found: true},
    {pattern: '(?is)A.B', text: 'a\nb', found: true},
    {pattern: '(?P<dc>dc[0-9])', text: 'dc1', found: true},
    {pattern: '\\Aab', text: 'xab', found: false},
    {pattern: '\\Aab\\z', text: 'ab', found: true},
    {pattern: 'ab\\z', text: 'abx', found: false},
    {pattern: '\\\\A', text: '\\A', found: true},
    {pattern: '^[[:alpha:]]+[[:digit:]]$', text: 'ab1', found: true},
    {pattern: '[[:punct:]]', text: 'a', found: false},
    {pattern: '[[:punct:]]', text: ']', found: true},
    {pattern: '', text: 'anything', found: true},
  ])('$pattern in $text: $found', ({pattern, text, found}) => {
    expect(patternMatches(pattern, text)).toBe(found);
  });

  test('the first group is what a place pattern is for', () => {
    expect(compilePattern('(?i)[.]([a-z]+[0-9])[.]')?.exec('db1.DC2.example.com')?.[1]).toBe('DC2');
    expect(compilePattern('a{2,1}')).toBeNull();
  });
});
