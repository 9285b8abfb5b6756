import type {Statement} from './flavor.ts';
import {say} from './statement.ts';

/** Global variables that steps ask for by themselves; all others come with `showFacts`. */
export type GlobalVariable = 'read_only' | 'gtid_executed' | 'gtid_current_pos' | 'gtid_slave_pos' | 'gtid_binlog_state';

/** One global variable: column `value`. */
export function showVariable(name: GlobalVariable): Statement {
  return say(`select @@global.${name} as value`);
}
