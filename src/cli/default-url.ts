/** Where a novacast on the embedded default listens. */
export const DEFAULT_URL = 'http://127.0.0.1:8774'
