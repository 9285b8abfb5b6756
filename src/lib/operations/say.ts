import {keyText, type InstanceKey} from '../model/instance-key.ts';

/** `host:port`, one a line, in the order given. */
export function keyLines(many: readonly {readonly key: InstanceKey}[]): readonly string[] {
  return many.map((one) => keyText(one.key));
}

/** The one line most commands answer with. */
export function keyLine(key: InstanceKey): readonly string[] {
  return [keyText(key)];
}

/** Compares texts by their characters, in no language. */
export function isPrintedBefore(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
