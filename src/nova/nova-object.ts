/** A versioned object of Nova on the wire. Source: oslo_versionedobjects/base.py obj_to_primitive, namespace nova. */
export interface NovaObject<Data = Readonly<Record<string, unknown>>> {
  readonly 'nova_object.name': string
  readonly 'nova_object.namespace': 'nova'
  readonly 'nova_object.version': string
  readonly 'nova_object.data': Data
  /** Fields set since the object was loaded. Absent: none. */
  readonly 'nova_object.changes'?: readonly string[]
}

/** An object in its wire form; without `changes`, as read from the database. */
export function novaObject<Data>(name: string, version: string, data: Data, changes: readonly string[] = []): NovaObject<Data> {
  const object = {
    'nova_object.name': name,
    'nova_object.namespace': 'nova',
    'nova_object.version': version,
    'nova_object.data': data,
  } as const
  return changes.length === 0 ? object : { ...object, 'nova_object.changes': changes }
}
