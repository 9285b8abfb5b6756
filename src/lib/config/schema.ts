import {GROUPS, type KeyDeclaration, type KeyType} from './declare.ts';
import {KEYS, KEY_NAMES} from './keys.ts';
import {OBSOLETE_KEYS} from './known.ts';

type Schema = {readonly [key: string]: unknown};

const TYPES: Readonly<Record<KeyType, Schema>> = {
  bool: {type: ['boolean', 'null']},
  int: {type: ['integer', 'null']},
  uint: {type: ['integer', 'null'], minimum: 0},
  text: {type: ['string', 'null']},
  list: {type: ['array', 'null'], items: {type: 'string'}},
  map: {type: ['object', 'null'], additionalProperties: {type: 'string'}},
  objects: {type: ['array', 'null'], items: {type: 'object'}},
};

/**
 * JSON Schema (2020-12) of a configuration file, from the declaration, for editors and other programs. Stricter than
 * `loadConfig` in one thing: letter case counts. null leaves a value as it was.
 */
export function configSchema(): Schema {
  const properties = Object.fromEntries(KEY_NAMES.map((key) => [key, property(KEYS[key])]));
  const obsolete = Object.fromEntries(OBSOLETE_KEYS.map((key) => [key, {deprecated: true, description: 'No longer means anything'}]));
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'orchestrator configuration',
    type: 'object',
    properties: {$schema: {type: 'string'}, ...properties, ...obsolete},
    patternProperties: {'^(_|#|//)': {description: 'A remark'}},
    additionalProperties: false,
  };
}

function property(declaration: KeyDeclaration): Schema {
  const {type, about, group, unused} = declaration;
  return {
    ...TYPES[type],
    default: declaration.default,
    description: `${GROUPS[group]}: ${about}`,
    ...(unused ? {deprecated: true} : {}),
  };
}
