import {keyText, type InstanceKey} from '../../model/instance-key.ts';

/** A list of instances as 3.2.6 keeps it in database_instance: `[{"Hostname":"db1","Port":3306}]`. */
export function keysJson(keys: readonly InstanceKey[]): string {
  return JSON.stringify(keys.map((key) => ({Hostname: key.host, Port: key.port})));
}

/** What cannot be read as such a list is an empty one: a row cut off or written by hand must not hide the instance. */
export function keysOfJson(text: string | null): readonly InstanceKey[] {
  const list = parsed(text ?? '');
  if (!Array.isArray(list)) return [];
  return list.flatMap((one: unknown) => {
    const {Hostname: host, Port: port} = (typeof one === 'object' && one !== null ? one : {}) as {Hostname?: unknown; Port?: unknown};
    return typeof host === 'string' && typeof port === 'number' ? [{host, port}] : [];
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** A list of instances as 3.2.6 keeps it in recoveries and detections: `db1:3306,db2:3306`. */
export function keysList(keys: readonly InstanceKey[]): string {
  return keys.map(keyText).join(',');
}

export function keysOfList(text: string | null): readonly InstanceKey[] {
  return (text ?? '').split(',').flatMap((one) => {
    const [, host, port] = /^\[?(.+?)\]?:(\d+)$/.exec(one.trim()) ?? [];
    return host === undefined || port === undefined ? [] : [{host, port: Number(port)}];
  });
}
