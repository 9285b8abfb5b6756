import {matchesCluster, type ClusterNames} from '../../config/filters.ts';
import type {Config} from '../../config/keys.ts';
import {keyText} from '../../model/instance-key.ts';
import type {Directory, Publication, Withdrawal} from '../directory.ts';
import {asDirectoryError} from '../failure.ts';
import {Admin, type AdminLogin} from './admin.ts';
import {publicationStatements, withdrawalStatements, type Hostgroups, type ServerRow} from './plan.ts';

type Settings = Pick<Config, 'ProxySQLHostgroups' | 'ProxySQLWriterIsAlsoReader' | 'ProxySQLSaveToDisk'>;

const NOT_OURS = 'has no hostgroups for this cluster';

/** Traffic to sources through one ProxySQL: they are moved between its hostgroups by its admin interface. */
export class ProxySqlDirectory implements Directory {
  readonly name: string;
  readonly #login: AdminLogin;
  readonly #settings: Settings;

  constructor(login: AdminLogin, settings: Settings) {
    this.name = `ProxySQL at ${keyText(login.address)}`;
    this.#login = login;
    this.#settings = settings;
  }

  async withdraw(withdrawal: Withdrawal, signal: AbortSignal): Promise<string> {
    const groups = hostgroupsOf(this.#settings, withdrawal.cluster);
    if (!groups) return NOT_OURS;
    const done = await this.#change(groups, signal, {
      statements: (rows) => withdrawalStatements(rows, groups, withdrawal),
      save: false,
      load: 'when changed',
    });
    return done ? `sends it no writes any more` : `${keyText(withdrawal.demoted)} was no writer there`;
  }

  async publish(publication: Publication, signal: AbortSignal): Promise<string> {
    const groups = hostgroupsOf(this.#settings, publication.cluster);
    if (!groups) return NOT_OURS;
    await this.#change(groups, signal, {
      statements: (rows) => publicationStatements(rows, groups, publication),
      save: this.#settings.ProxySQLSaveToDisk,
      load: 'always',
    });
    return `writes go to ${keyText(publication.source)} in hostgroup ${groups.writer}`;
  }

  async repair(publication: Publication, mayWrite: () => Promise<boolean>, signal: AbortSignal): Promise<string | null> {
    const groups = hostgroupsOf(this.#settings, publication.cluster);
    if (!groups) return null;
    const done = await this.#change(groups, signal, {
      statements: (rows) => publicationStatements(rows, groups, publication),
      mayWrite,
      save: this.#settings.ProxySQLSaveToDisk,
      load: 'when changed',
    });
    return done ? `writes go to ${keyText(publication.source)} in hostgroup ${groups.writer} again` : null;
  }

  async #change(groups: Hostgroups, signal: AbortSignal, change: Change): Promise<boolean> {
    const hostgroups = [groups.writer, ...(groups.reader === null ? [] : [groups.reader])];
    try {
      return await Admin.with(this.#login, signal, async (admin) => {
        const statements = change.statements(await admin.servers(hostgroups));
        const changes = statements.length > 0;
        if (changes && change.mayWrite && !(await change.mayWrite())) return false;
        for (const statement of statements) await admin.say(statement);
        if (changes || change.load === 'always') await admin.say('LOAD MYSQL SERVERS TO RUNTIME');
        if ((changes || change.load === 'always') && change.save) await admin.say('SAVE MYSQL SERVERS TO DISK');
        return changes;
      });
    } catch (error) {
      throw asDirectoryError(this.name, error, signal);
    }
  }
}

interface Change {
  statements(rows: readonly ServerRow[]): readonly string[];
  readonly mayWrite?: () => Promise<boolean>;
  readonly save: boolean;
  /** What was changed by somebody who died before it counted has to count now. */
  readonly load: 'always' | 'when changed';
}

/** Of the first pattern that covers the cluster. @returns null when none does */
export function hostgroupsOf({ProxySQLHostgroups, ProxySQLWriterIsAlsoReader}: Settings, cluster: ClusterNames): Hostgroups | null {
  const found = Object.entries(ProxySQLHostgroups).find(([pattern]) => matchesCluster([pattern], cluster));
  const [, writer, reader] = /^\s*(\d+)\s*(?:,\s*(\d+)\s*)?$/.exec(found?.[1] ?? '') ?? [];
  if (writer === undefined) return null;
  return {writer: Number(writer), reader: reader === undefined ? null : Number(reader), writerReads: ProxySQLWriterIsAlsoReader};
}
