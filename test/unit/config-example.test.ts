import {readFileSync} from 'node:fs';
import path from 'node:path';
import {expect, test} from 'vitest';
import {KEYS, KEY_NAMES, type KeyName} from '../../src/lib/config/keys.ts';
import {loadConfig} from '../../src/lib/config/load.ts';
import {ROOT} from './sources.ts';

const FILE = path.join(ROOT, 'orchestrator.conf.json.example');

/** Keys of the example that are there because somebody has to choose, or should choose otherwise than the default. */
const DELIBERATE: readonly KeyName[] = [
  'MySQLOrchestratorHost',
  'MySQLOrchestratorDatabase',
  'MySQLOrchestratorUser',
  'MySQLOrchestratorPassword',
  'MySQLTopologyUser',
  'MySQLTopologyPassword',
  'DiscoverySeeds',
  'DataCenterPattern',
  'DetectClusterAliasQuery',
  'RecoverMasterClusterFilters',
  'PreventCrossDataCenterMasterFailover',
  'UseSuperReadOnly',
  'OnFailureDetectionProcesses',
  'PostFailoverProcesses',
  'ListenAddress',
  'AuditToBackendDB',
];

const written = Object.keys(JSON.parse(readFileSync(FILE, 'utf8')) as object);

test('the example loads, and there is nothing to say about it', () => {
  const env = {ORCHESTRATOR_BACKEND_PASSWORD: 'b', ORCHESTRATOR_TOPOLOGY_PASSWORD: 't'};
  const {config, notices} = loadConfig({path: FILE, env});
  expect(notices).toEqual([]);
  expect(config).toMatchObject({MySQLOrchestratorPassword: 'b', MySQLTopologyPassword: 't'});
});

test('its values are the defaults, save those meant to differ', () => {
  const example = JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, unknown>;
  const differing = KEY_NAMES.filter((key) => key in example && JSON.stringify(example[key]) !== JSON.stringify(KEYS[key].default ?? []));
  expect(differing.sort()).toEqual([...DELIBERATE].sort());
});

test('its keys are spelled as declared; everything else is a remark', () => {
  expect(written.filter((key) => !(key in KEYS) && !/^(\$schema$|_)/.test(key))).toEqual([]);
});
