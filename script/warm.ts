import {readFileSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {setTimeout as sleep} from 'node:timers/promises';
import {Script, constants} from 'node:vm';
import {startStandIn} from './support/stand-in.ts';

/** What `src/main.ts` exports, as the bundle hands it out. */
interface Program {
  readonly main: (argv: readonly string[]) => Promise<void>;
}
/** Written into the folder of the rehearsal, for commands that rehearse a MySQL backend. */
const MYSQL_CONFIG = 'mysql.json';
/** CommonJS's wrapper: exports, require, module, file, folder. */
type Load = (...given: readonly unknown[]) => void;

/** Runs the bundle's commands one after the other in this process, then keeps what V8 compiled for them. */
async function warm(app: string, cache: string, commands: readonly (readonly string[])[]): Promise<void> {
  const text = readFileSync(app, 'latin1');
  const script = new Script(text, {filename: app, importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER});
  // Whatever ends the process, a command's own `process.exit` too, keeps what was compiled until then.
  process.on('exit', () => {
    writeFileSync(cache, script.createCachedData());
    process.exitCode = 0;
  });
  const module = {exports: {}};
  (script.runInThisContext() as Load)(module.exports, createRequire(app), module, app, import.meta.dirname);
  const {main} = module.exports as Program;
  const {port} = await startStandIn();
  writeFileSync(
    MYSQL_CONFIG,
    JSON.stringify({MySQLOrchestratorHost: '127.0.0.1', MySQLOrchestratorPort: port, MySQLOrchestratorDatabase: 'o'}),
  );
  // A command that fails has compiled its way to the failure, which is all that a rehearsal is for.
  for (const command of commands) await Promise.race([main(command).catch(() => undefined), sleep(5000)]);
  process.exit(0);
}

const [app, cache, commands] = process.argv.slice(2);
if (!app || !cache || !commands) throw new Error('usage: warm.ts APP CACHE COMMANDS');
await warm(app, cache, JSON.parse(commands) as string[][]);
