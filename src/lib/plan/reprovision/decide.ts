import type {CloneAbility} from '../../flavor/clone.ts';
import {isMariadb, type Instance} from '../../model/instance.ts';
import {keyText, sameKey, type InstanceKey} from '../../model/instance-key.ts';
import type {Topology} from '../../model/topology.ts';
import {compareVersions, parseVersion, readVersion} from '../../model/version.ts';

/** The first MySQL that clones from another server. */
const CLONES = parseVersion('8.0.17');
/** Before this both have to be of one version to the last number. */
const CLONES_WITHIN_SERIES = parseVersion('8.0.37');

export interface ReprovisionCase {
  /** Whose data is replaced, and whose data it gets. */
  readonly instance: Instance;
  readonly from: Instance;
  readonly topology: Topology;
  readonly abilities: {readonly instance: CloneAbility; readonly from: CloneAbility};
  /** Somebody knows what it can replicate with afterwards. */
  readonly hasCredentials: boolean;
}

export interface ReprovisionPlan {
  readonly instance: InstanceKey;
  readonly from: InstanceKey;
  /** Whom it follows afterwards: the source of the donor, or the donor. */
  readonly source: InstanceKey;
  readonly steps: readonly string[];
  readonly remarks: readonly string[];
}

export type ReprovisionDecision = {readonly plan: ReprovisionPlan} | {readonly refused: string; readonly hint?: string};

/** Whether a server may be made anew from another by the CLONE plugin; everything on it is lost by that. Pure. */
export function decideReprovision(at: ReprovisionCase): ReprovisionDecision {
  const refusal = REFUSALS.map((refuse) => refuse(at)).find((one) => one !== null);
  if (refusal) return refusal;
  const {instance, from} = at;
  const [name, donor] = [keyText(instance.key), keyText(from.key)];
  const source = from.replication?.source ?? from.key;
  return {
    plan: {
      instance: instance.key,
      from: from.key,
      source,
      steps: [
        `stop replication of ${name}, and allow it to clone from ${donor}`,
        `replace all data of ${name} by that of ${donor}`,
        `wait until ${name} is back: it restarts by itself where something supervises it, else it has to be started`,
        `close ${name} for writes, and let it follow ${keyText(source)} by GTID`,
      ],
      remarks: [
        `everything on ${name} is lost: ${instance.gtid.executed || 'no GTIDs'}`,
        `whether ${name} has room for the data of ${donor} cannot be known beforehand; without it the clone fails, with the old data gone`,
        ...(from.replication ? [] : [`${donor} is the source of its cluster; a replica of it would spare it the load`]),
      ],
    },
  };
}

type Refuse = (at: ReprovisionCase) => {readonly refused: string; readonly hint?: string} | null;

function no(stands: boolean, refused: string, hint?: string): ReturnType<Refuse> {
  return stands ? {refused, ...(hint === undefined ? {} : {hint})} : null;
}

/** In the order in which they are told. */
const REFUSALS: readonly Refuse[] = [
  ({instance, from}) => no(sameKey(instance.key, from.key), `${keyText(instance.key)} cannot be made anew from itself`),
  ...(['instance', 'from'] as const).flatMap((who): readonly Refuse[] => [
    (at) => no(!at[who].check.valid, `${keyText(at[who].key)} cannot be reached`),
    (at) => no(!canClone(at[who]), `${keyText(at[who].key)} is ${at[who].version}: cloning needs MySQL 8.0.17 or later`),
    (at) =>
      no(!at.abilities[who].plugin, `${keyText(at[who].key)} has no clone plugin`, `INSTALL PLUGIN clone SONAME 'mysql_clone.so' there`),
  ]),
  ({instance, from}) =>
    no(
      !fits(instance, from),
      `${keyText(instance.key)} is ${instance.version} and ${keyText(from.key)} is ${from.version}: one cannot be cloned into the other`,
    ),
  ({instance, abilities}) => lacking(instance, abilities.instance, 'CLONE_ADMIN'),
  ({from, abilities}) => lacking(from, abilities.from, 'BACKUP_ADMIN'),
  ({instance, topology}) => {
    const followers = [...topology.replicasOf(instance.key).map(({key}) => key), ...instance.replicas];
    return no(followers.length > 0, `${keyText(instance.key)} has replicas (${followers.map(keyText).join(', ')})`, 'move them away first');
  },
  ({instance}) =>
    no(instance.group !== null && instance.group.state !== 'OFFLINE', `${keyText(instance.key)} is a member of a replication group`),
  ({instance}) =>
    no(
      !instance.readOnly,
      `${keyText(instance.key)} is writable, so somebody may be using it`,
      `orchestrator set-read-only -i ${keyText(instance.key)}`,
    ),
  ({instance}) => no(instance.wishes.inMaintenance, `${keyText(instance.key)} is in maintenance`),
  ({from}) => no(!from.gtid.supported, `${keyText(from.key)} has no GTIDs, by which its copy would know where it stands`),
  ({instance, hasCredentials}) =>
    no(!hasCredentials, `nobody says what ${keyText(instance.key)} could replicate with afterwards`, 'set ReplicationCredentialsQuery'),
];

function canClone(instance: Instance): boolean {
  const version = isMariadb(instance) ? null : readVersion(instance.version);
  return version !== null && compareVersions(version, CLONES) >= 0;
}

/** Of one series, and before 8.0.37 of one version. */
function fits(a: Instance, b: Instance): boolean {
  const [one, other] = [readVersion(a.version), readVersion(b.version)];
  if (!one || !other) return false;
  const late = [one, other].every((version) => compareVersions(version, CLONES_WITHIN_SERIES) >= 0);
  return late
    ? a.version.split('.').slice(0, 2).join('.') === b.version.split('.').slice(0, 2).join('.')
    : compareVersions(one, other) === 0;
}

function lacking({key}: Instance, {privileges}: CloneAbility, wanted: string): ReturnType<Refuse> {
  return no(
    !privileges.includes(wanted),
    `our account on ${keyText(key)} (MySQLTopologyUser) lacks ${wanted}`,
    `GRANT ${wanted} ON *.* to it; a grant through a role does not count`,
  );
}
