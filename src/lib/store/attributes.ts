import type {Backend} from './backend.ts';
import {fitter} from './fit.ts';

const TABLE = 'host_attributes';
const fit = fitter(TABLE);
/** Attributes of no host in particular: domain of a cluster → its writable instance. */
export const GENERAL = '*';

export async function writeAttribute(
  backend: Backend,
  attribute: {readonly host: string; readonly name: string; readonly value: string},
): Promise<void> {
  const {host, name, value} = attribute;
  const row = fit({hostname: host, attribute_name: name, attribute_value: value});
  await backend.run(({db, dialect}) =>
    db(TABLE)
      .insert({...row, submit_timestamp: dialect.now(), expire_timestamp: null})
      .onConflict(['hostname', 'attribute_name'])
      .merge(),
  );
}

/** null when it was never written */
export async function readAttribute(backend: Backend, host: string, name: string): Promise<string | null> {
  const row: {attribute_value: string} | undefined = await backend.run(({db}) =>
    db(TABLE).where({hostname: host, attribute_name: name}).first('attribute_value'),
  );
  return row?.attribute_value ?? null;
}
