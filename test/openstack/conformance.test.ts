import { describe } from 'vitest'
import { itAnswersAsRecorded, type Subject } from '../conformance/runner.ts'
import { describeOn, useStand } from '../stand/use-stand.ts'
import { ENGINES, openCloud } from './clouds.ts'
import { startBesideNova } from './senders.ts'

const stand = await useStand('nova', 'keystone', 'rabbitmq')

describeOn(stand, 'what Nova (Zed) was asked and answered, in an OpenStack cloud', (stand) => {
  describe.each(ENGINES)('on %s', (engine) => {
    itAnswersAsRecorded(stand.keystone, async (): Promise<Subject> => {
      const { nova, close } = await openCloud(engine, stand)
      const [novacast, servers] = await Promise.all([startBesideNova(nova), nova.seedCorpus()])
      const closeAll = async () => {
        await novacast.close()
        await close()
      }
      return { url: novacast.url, servers, close: closeAll }
    })
  })
})
