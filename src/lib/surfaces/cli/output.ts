import {OrchestratorError} from '../../errors/errors.ts';
import type {Answer, Table, Texts} from '../../operations/define.ts';
import type {Io} from './program.ts';

const FORMATS = ['table', 'plain', 'json'] as const;
/** `auto`: a table on a terminal where there is one, plain lines otherwise. */
export type Format = (typeof FORMATS)[number] | 'auto';

/** @throws OrchestratorError INPUT_INVALID */
export function chooseFormat(common: Texts, terminal: boolean): Format {
  const given = common['json'] === 'true' ? 'json' : common['format'];
  if (given === undefined) return terminal ? 'auto' : 'plain';
  const format = FORMATS.find((one) => one === given);
  if (format === undefined)
    throw new OrchestratorError('INPUT_INVALID', `--format ${JSON.stringify(given)} is not a format`, {
      hint: `give one of ${FORMATS.join(', ')}`,
    });
  return format;
}

/** A whole result as text, each line ended; '' where there is nothing to say. */
export async function render(
  answer: Answer,
  format: Format,
  {terminal, colours = false}: Pick<Io, 'terminal' | 'colours'>,
): Promise<string> {
  if (format === 'json') return `${JSON.stringify(answer.json() ?? null, null, terminal ? 2 : 0)}\n`;
  const table = format === 'plain' ? null : answer.table();
  if (table !== null && (table.rows.length > 0 || format === 'table')) return `${await tableText(table, colours)}\n`;
  return answer
    .lines()
    .map((line) => `${line}\n`)
    .join('');
}

/** Loaded only when a table is wanted: most commands print lines. */
async function tableText({head, rows}: Table, colours: boolean): Promise<string> {
  const {default: CliTable} = await import('cli-table3');
  const {Chalk} = await import('chalk');
  const chalk = new Chalk(colours ? {} : {level: 0});
  const none = {
    top: '',
    'top-mid': '',
    'top-left': '',
    'top-right': '',
    bottom: '',
    'bottom-mid': '',
    'bottom-left': '',
    'bottom-right': '',
  };
  const chars = {...none, left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  '};
  const table = new CliTable({
    head: head.map((title) => chalk.bold(title)),
    chars,
    style: {'padding-left': 0, 'padding-right': 0, head: [], border: []},
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
