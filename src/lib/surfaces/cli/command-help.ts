import {Help} from '@oclif/core/help';
import type {EmbeddedConfig} from './embed.ts';

/** oclif's help, kept instead of printed. */
class QuietHelp extends Help {
  readonly lines: string[] = [];

  protected override log(...parts: string[]): void {
    this.lines.push(parts.join(' '));
  }
}

/** What `help NAME` prints about one command. */
export async function commandHelp(config: EmbeddedConfig, name: string): Promise<string> {
  const help = new QuietHelp(config, {stripAnsi: true, hideAliasesFromRoot: true});
  const loadable = config.findCommand(name.replaceAll(' ', ':'), {must: true});
  await help.showCommandHelp({...loadable, ...(await described(loadable))});
  return help.lines.join('\n');
}

/** The manifest of a command says only its name; its class says the rest. */
async function described(loadable: ReturnType<EmbeddedConfig['findCommand']>) {
  const found = await loadable?.load();
  if (found === undefined) return {};
  const {summary, description, examples, args, flags, hiddenAliases} = found;
  const named = <One extends object>(all: Readonly<Record<string, One>>) =>
    Object.fromEntries(Object.entries(all).map(([name, one]) => [name, {...one, name}]));
  return {summary, description, examples, args: named(args), flags: named(flags), hiddenAliases};
}
