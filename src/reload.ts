import type {Config, KeyName} from './lib/config/keys.ts';
import {loadConfig} from './lib/config/load.ts';
import {noticeLine} from './lib/config/notice.ts';
import {takeUp, type Reloaded} from './lib/config/reload.ts';
import type {Log} from './lib/coordination/keep-renewing.ts';
import {messageOf} from './lib/errors/errors.ts';
import {audit} from './lib/operations/audit-trail.ts';
import type {Ports} from './lib/operations/context.ts';

export interface Reloading {
  /** What everything in this process looks at. */
  readonly live: Config;
  /** Keys that the command line has the last word on. */
  readonly fixed: ReadonlySet<KeyName>;
  readonly ports: Ports;
  readonly log: Log;
}

/**
 * Reads the configuration again as it was read at start. One that cannot be used changes nothing.
 *
 * @param by who wants it, for the record
 * @throws OrchestratorError CONFIG_UNREADABLE, CONFIG_INVALID
 */
export async function reload({live, fixed, ports, log}: Reloading, by: string): Promise<Reloaded> {
  try {
    const {config, notices} = loadConfig(ports.loading);
    for (const notice of notices) log('warn', noticeLine(notice));
    const reloaded = takeUp(live, config, fixed);
    const said = reloadedText(reloaded);
    log('info', `configuration read again for ${by}: ${said}`);
    const warn = (sentence: string): void => log('warn', sentence);
    await audit({...ports, warn}, {type: 'reload-configuration', key: null, message: `${by}: ${said}`});
    return reloaded;
  } catch (error) {
    log('error', `the configuration stays as it was, since it cannot be used as it is now: ${messageOf(error)}`);
    throw error;
  }
}

function reloadedText({applied, waiting}: Reloaded): string {
  if (applied.length + waiting.length === 0) return 'nothing has changed';
  const parts = [
    ...(applied.length > 0 ? [`in force now: ${applied.join(', ')}`] : []),
    ...(waiting.length > 0 ? [`after a restart: ${waiting.join(', ')}`] : []),
  ];
  return parts.join('; ');
}
