import type {Log} from './lib/coordination/keep-renewing.ts';

const RANK = {info: 0, warn: 1, error: 2} as const;
const NAMES = {info: 'INFO', warn: 'WARNING', error: 'ERROR'} as const;

/**
 * Writes `YYYY-MM-DD HH:MM:SS LEVEL sentence` to standard error, as readers of the predecessor's log expect; standard output
 * carries results only.
 *
 * @param least what is not worth writing is below this
 */
export function logTo(write: (text: string) => void, least: keyof typeof RANK): Log {
  return (level, sentence) => {
    if (RANK[level] < RANK[least]) return;
    const now = new Date();
    const two = (number: number): string => String(number).padStart(2, '0');
    const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
    const time = `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}.${String(now.getMilliseconds()).padStart(3, '0')}`;
    write(`${day} ${time} ${NAMES[level]} ${sentence}\n`);
  };
}
