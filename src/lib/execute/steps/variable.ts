import {textOf} from '../../flavor/rows.ts';
import {showVariable, type GlobalVariable} from '../../flavor/variables.ts';
import type {Hand} from './hands.ts';

/** A global variable of a server, as it is now. Same errors as `Hand.say`. */
export async function variableOn(hand: Hand, name: GlobalVariable): Promise<string> {
  const [row] = await hand.say(showVariable(name));
  return textOf(row?.['value']);
}
