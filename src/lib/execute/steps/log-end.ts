import {OrchestratorError} from '../../errors/errors.ts';
import {textOf} from '../../flavor/rows.ts';
import type {BinlogCoordinates} from '../../model/binlog-coordinates.ts';
import {keyText} from '../../model/instance-key.ts';
import type {Hand} from './hands.ts';

/**
 * Where the binary logs of a server end now.
 *
 * @throws OrchestratorError REPLICATION_BROKEN when it writes none
 */
export async function logEnd({key, flavor, say}: Pick<Hand, 'key' | 'flavor' | 'say'>): Promise<BinlogCoordinates> {
  const [row] = await say(flavor.showBinlogStatus);
  if (row) return {file: textOf(row['File']), position: Number(row['Position'])};
  throw new OrchestratorError('REPLICATION_BROKEN', `${keyText(key)} writes no binary log`);
}
