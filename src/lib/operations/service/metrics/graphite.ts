import {createConnection} from 'node:net';
import type {Config} from '../../../config/keys.ts';
import type {LegacyMetric} from './legacy.ts';

export type GraphiteConfig = Pick<Config, 'GraphitePath' | 'GraphiteConvertHostnameDotsToUnderscores'>;
const PATIENCE_MS = 10_000;

/** Lines of Graphite's plaintext protocol: `PREFIX.NAME.count VALUE SECONDS`, `.value` for what goes up and down. */
export function graphiteLines(
  metrics: readonly LegacyMetric[],
  config: GraphiteConfig,
  by: {hostname: string; seconds: number},
): readonly string[] {
  const host = config.GraphiteConvertHostnameDotsToUnderscores ? by.hostname.replaceAll('.', '_') : by.hostname;
  const prefix = config.GraphitePath.replaceAll('{hostname}', host).replace(/\.$/, '');
  return metrics.map(({name, kind, value}) => `${prefix === '' ? '' : `${prefix}.`}${name}.${kind} ${value} ${by.seconds}`);
}

/** Sends them, over a connection of their own. @throws what keeps them from being sent within ten seconds */
export function sendToGraphite(address: string, lines: readonly string[]): Promise<void> {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? [];
  return new Promise((resolve, reject) => {
    const socket = createConnection({host: host.replaceAll(/[[\]]/g, '') || '127.0.0.1', port: Number(port)});
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error(`${address} took nothing for ${PATIENCE_MS / 1000} s`)));
    socket.on('error', reject).on('close', (failed) => (failed ? undefined : resolve()));
    socket.resume().end(lines.map((line) => `${line}\n`).join(''));
  });
}
