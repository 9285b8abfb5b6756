import {expect} from 'vitest';

/** vitest's own matchers are `any`; these say that nobody looks inside them. */
export const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);
export const containing = (text: string): unknown => expect.stringContaining(text);
export const having = (fields: object): unknown => expect.objectContaining(fields);
export const anyText = (): unknown => expect.any(String);
