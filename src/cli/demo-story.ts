import { createStage, type Stage, type StageParts } from './demo-stage.ts'

interface Chapter {
  readonly title: string
  readonly play: (stage: Stage) => Promise<void>
}

/** Each chapter waits for what it tells of, and fails when that does not come about. */
const CHAPTERS: readonly Chapter[] = [
  {
    title: 'Two hosts come and follow their events. Four servers are registered, two on each.',
    play: async ({ one, two, server, place }) => {
      await Promise.all([one.come(), two.come()])
      for (const name of ['web-1', 'web-2']) await place(server(name), one)
      for (const name of ['db-1', 'db-2']) await place(server(name), two)
    },
  },
  {
    title: 'Neutron and Cinder send events. Each is on disk before it is answered, and goes to the host of its server.',
    play: async ({ one, two, server, send }) => {
      await send('network-vif-plugged', server('web-1'), 'port-a')
      await send('volume-extended', server('db-1'), 'volume-1')
      await send('network-changed', server('web-2'))
      await send('network-changed', server('db-2'))
      await Promise.all([one.hasGot(2), two.hasGot(2)])
    },
  },
  {
    title: 'compute-2 goes away. Its events are accepted all the same, and wait; those of compute-1 do not.',
    play: async ({ one, two, server, send, showHosts }) => {
      await two.go()
      await send('network-vif-plugged', server('db-1'), 'port-b')
      await send('network-changed', server('web-1'))
      await send('volume-extended', server('db-1'), 'volume-2')
      await send('network-vif-unplugged', server('db-1'), 'port-b')
      await one.hasGot(3)
      await showHosts()
    },
  },
  {
    title: 'compute-2 comes back and gets what waited, in order.',
    play: async ({ two, pause }) => {
      await two.come()
      await two.hasGot(5)
      await pause(2)
    },
  },
  {
    title: 'web-1 moves. While it does, both hosts get its events.',
    play: async ({ one, two, server, place, send }) => {
      await place(server('web-1'), one, two)
      await send('network-vif-plugged', server('web-1'), 'port-a')
      await Promise.all([one.hasGot(4), two.hasGot(6)])
    },
  },
  {
    title: 'web-1 has arrived: only its new host gets its events.',
    play: async ({ two, server, place, send }) => {
      await place(server('web-1'), two)
      await send('network-changed', server('web-1'))
      await two.hasGot(7)
    },
  },
  {
    title: 'An event about a server that nobody registered is refused, and its sender is told.',
    play: async ({ server, send }) => send('network-changed', server('a stranger')),
  },
  {
    title: 'Eleven deliveries were made, and acknowledged by their hosts; nothing waits any more.',
    play: async ({ one, two, showHosts }) => {
      await showHosts()
      await Promise.all([one.go(), two.go()])
    },
  },
]

/** Time to read what a chapter is about, in beats; and the beats within all chapters. */
const READING_BEATS = 4
const BEATS_WITHIN = 13

/** Tells what novacast does with events, in chapters that last `durationMs` together. Rejects when one fails or the signal ends it. */
export async function tellStory({
  durationMs,
  ...parts
}: Omit<StageParts, 'beatMs'> & { readonly durationMs: number }): Promise<void> {
  const stage = createStage({ ...parts, beatMs: durationMs / (CHAPTERS.length * READING_BEATS + BEATS_WITHIN) })
  for (const { title, play } of CHAPTERS) {
    await stage.say(title)
    await stage.pause(READING_BEATS)
    await play(stage)
  }
}
