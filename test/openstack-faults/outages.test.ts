import { afterAll, beforeAll } from 'vitest'
import type { Keystone, OwnNovaOptions } from '../stand/stand.ts'
import { describeOn, useStand } from '../stand/use-stand.ts'
import { testBrokerOutages } from './broker-outages.ts'
import { type Cloud, startCloud } from './cloud.ts'
import { testDatabaseOutages } from './database-outages.ts'
import { testMoves } from './moves.ts'

const stand = await useStand('keystone')

/** A Nova of two cells for these tests, one after the other: the faults of one are over when the next begins. */
function useCloud(keystone: Keystone, engine: OwnNovaOptions['engine']): () => Cloud {
  let cloud: Cloud
  beforeAll(async () => {
    cloud = await startCloud(keystone, engine)
  })
  afterAll(() => cloud.remove())
  return () => cloud
}

describeOn(stand, 'beside a Nova on MariaDB', ({ keystone }) => {
  const cloud = useCloud(keystone, 'mariadb')
  testBrokerOutages(keystone, cloud)
  testMoves(keystone, cloud)
  testDatabaseOutages(keystone, cloud)
})

describeOn(stand, 'beside a Nova on PostgreSQL', ({ keystone }) => {
  const cloud = useCloud(keystone, 'postgresql')
  testMoves(keystone, cloud)
  testDatabaseOutages(keystone, cloud)
})
