import {expect, test} from 'vitest';
import {matchesTags, parseTag, parseTagExpression, type Tag} from '../../../src/lib/model/tag.ts';

test.each([
  {text: 'role', tag: {name: 'role', value: null}},
  {text: 'role=', tag: {name: 'role', value: ''}},
  {text: 'role=db', tag: {name: 'role', value: 'db'}},
  {text: ' role = db ', tag: {name: 'role', value: 'db'}},
  {text: 'url=a=b,c', tag: {name: 'url', value: 'a=b,c'}},
  {text: 'a b', tag: {name: 'a b', value: null}},
])('the tag $text', ({text, tag}) => {
  expect(parseTag(text)).toEqual(tag);
});

test.each(['', ' ', '=', '=x', '~role', '!role=x', 'a,b', 'a,b=c'])('%j is not a tag', (text) => {
  expect(() => parseTag(text)).toThrow(/is not a tag/);
});

test.each(['', ',', 'a,', '~', '!=x', '~~a'])('%j is not an expression', (text) => {
  expect(() => parseTagExpression(text)).toThrow(/is not a tag/);
});

const INSTANCES: Readonly<Record<string, readonly Tag[]>> = {
  none: [],
  db: [{name: 'role', value: 'db'}],
  backup: [
    {name: 'role', value: 'backup'},
    {name: 'old', value: ''},
  ],
  other: [{name: 'dc', value: 'west'}],
};

test.each([
  {text: 'role', found: ['db', 'backup']},
  {text: '~role', found: ['other']},
  {text: '!role', found: ['other']},
  {text: 'role=db', found: ['db']},
  {text: '~role=db', found: ['backup']},
  {text: 'old=', found: ['backup']},
  {text: 'role,old', found: ['backup']},
  {text: 'role, ~old', found: ['db']},
  {text: '~role,~old', found: ['other']},
  {text: 'role=db,role=backup', found: []},
  {text: '~nothing', found: ['db', 'backup', 'other']},
])('$text finds $found', ({text, found}) => {
  const terms = parseTagExpression(text);
  expect(Object.keys(INSTANCES).filter((name) => matchesTags(INSTANCES[name] ?? [], terms))).toEqual(found);
});
