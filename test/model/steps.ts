import type { ExternalEvent } from '../../src/events/event.ts'
import type { Clock } from './clock.ts'
import type { Disk } from './disk.ts'
import type { Hosts, Step } from './hosts.ts'
import type { Places } from './places.ts'
import type { Random } from './random.ts'
import type { World } from './world.ts'

/** What may be done in a run. */
export type Steps = Readonly<Record<string, Step>>

export interface StepsParts {
  readonly world: World
  readonly hosts: Hosts
  readonly places: Places
  readonly clock: Clock
}

const KINDS = [
  { name: 'network-changed', tag: null },
  { name: 'network-changed', tag: 'port' },
  { name: 'network-vif-plugged', tag: 'port' },
  { name: 'network-vif-plugged', tag: 'other-port' },
  { name: 'volume-extended', tag: 'volume' },
  { name: 'volume-extended', tag: null },
  { name: 'power-update', tag: 'POWER_ON' },
] as const

/** Everything that may happen to a novacast: to its process, its disk, its clock and to what is around it. */
export function createSteps({ world, hosts, places, clock }: StepsParts): Steps {
  const newEvent = (random: Random): ExternalEvent => {
    const { name, tag } = random.pick(KINDS)
    return { serverId: random.pick(places.servers), name, status: 'completed', tag }
  }
  const diskDoes = (work: (disk: Disk, random: Random) => unknown) => async (random: Random) => {
    if (world.disk.isIdle) return false
    await work(world.disk, random)
    return true
  }
  return {
    ...hosts.steps,
    ...places.steps,
    post: {
      weight: 9,
      take: always((random) => world.post(Array.from({ length: 1 + random.below(4) }, () => newEvent(random)))),
    },
    'some of what ended is replayed': { weight: 2, take: always((random) => world.replay(1 + random.below(20))) },
    'the disk does and tells all': { weight: 12, take: diskDoes((disk) => disk.flow()) },
    'the disk writes': { weight: 8, take: diskDoes((disk, random) => disk.write(1 + random.below(4))) },
    'the disk tells what it wrote': { weight: 8, take: diskDoes((disk, random) => disk.tellWritten(1 + random.below(4))) },
    'the disk reads': { weight: 8, take: diskDoes((disk, random) => disk.read(random.below(1000))) },
    'the disk tells what it read': { weight: 8, take: diskDoes((disk, random) => disk.tellRead(random.below(1000))) },
    'the disk refuses': { weight: 1, take: diskDoes((disk, random) => disk.refuse(1 + random.below(4))) },
    'a moment passes': { weight: 10, take: always((random) => clock.advance(random.below(200))) },
    'seconds pass': { weight: 4, take: always((random) => clock.advance(random.below(40_000))) },
    'minutes pass': { weight: 0.3, take: always((random) => clock.advance(random.below(400_000))) },
    'the clock is set': { weight: 0.3, take: always((random) => clock.jump((random.fraction() - 0.5) * 200_000)) },
    crash: { weight: 1, take: always(() => world.crash()) },
    'restart in good order': { weight: 0.2, take: always(() => world.restart()) },
    'crash with its journal': { weight: 0.02, take: always(() => world.crashWithJournal()) },
  }
}

/** An action that is possible at any time. */
function always(act: (random: Random) => unknown): Step['take'] {
  return async (random) => {
    await act(random)
    return true
  }
}
