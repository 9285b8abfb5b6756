import type {Maintenance} from '../../store/maintenance.ts';
import {keyJson, type Json} from './values.ts';

export function maintenanceJson({id, key, owner, reason, since, elapsed}: Maintenance): Json {
  return {
    MaintenanceId: id,
    Key: keyJson(key),
    BeginTimestamp: since,
    SecondsElapsed: elapsed,
    IsActive: true,
    Owner: owner,
    Reason: reason,
  };
}
