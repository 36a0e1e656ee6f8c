import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Journal } from '../../src/journal/journal.ts'
import { type FirstRequest, REPEAT_WINDOW_MS, type RepeatKey } from '../../src/journal/repeats.ts'
import { describeEngines, openOn, placeOn } from './engines.ts'
import { askedPlaceOn } from './rows.ts'
import { decided, hostName, submission } from './submissions.ts'

const NOW_US = Date.now() * 1000
const WINDOW_US = REPEAT_WINDOW_MS * 1000
const host = hostName('a')

let lastKey = 0
/** A key that no other test has. */
const newKey = (content: string | null = null): RepeatKey => ({ digest: (++lastKey).toString(16).padStart(32, '0'), content })
const X = 'aa'.repeat(16)
const Y = 'bb'.repeat(16)

const at = (receivedAtUs: number, events = [decided(['a'])]) => submission(events, { receivedAtUs })
const codesOf = ({ events }: ReturnType<typeof submission>) => events.map(({ outcome }) => outcome.code)
const openIds = async (journal: Journal) => (await journal.open(host, null, 1000)).map(({ eventId }) => eventId)

describeEngines('repeats', (engine) => {
  it('are kept once, and told what the first was told', async () => {
    const journal = await openOn(engine)
    const key = newKey()
    const first = at(NOW_US, [decided(['a']), decided([]), decided(['a', 'b'])])
    const again = at(NOW_US + 1, [decided([]), decided([]), decided(['a'])])
    expect(await journal.commitOnce(first, key)).toEqual({ kind: 'kept', passedOn: [] })
    const told = { kind: 'repeat', first: { requestId: first.requestId, codes: [200, 404, 200] } }
    expect(await journal.commitOnce(again, key)).toEqual(told)
    expect(await journal.commitOnce({ ...again, receivedAtUs: NOW_US + 5 }, key)).toEqual(told)
    expect(await openIds(journal)).toEqual([first.events[0]?.id, first.events[2]?.id])
    const stories = await journal.search({ limit: 10, order: 'oldest' })
    expect(stories.map(({ id }) => id)).toEqual(first.events.map(({ id }) => id))
    for (const { repeats } of stories) expect(repeats).toEqual({ count: 2, lastAtUs: NOW_US + 5 })
  })

  it('are known where nothing of the first was accepted', async () => {
    const journal = await openOn(engine)
    const key = newKey()
    const first = at(NOW_US, [decided([]), decided([])])
    await journal.commitOnce(first, key)
    const told = { kind: 'repeat', first: { requestId: first.requestId, codes: [404, 404] } }
    expect(await journal.commitOnce(at(NOW_US, [decided(['a']), decided(['a'])]), key)).toEqual(told)
    expect(await openIds(journal)).toEqual([])
  })

  it('are told from another content under the same key, which is not kept', async () => {
    const journal = await openOn(engine)
    const key = newKey(X)
    const first = at(NOW_US)
    await journal.commitOnce(first, key)
    const taken = { kind: 'taken', requestId: first.requestId }
    expect(await journal.commitOnce(at(NOW_US), { ...key, content: Y })).toEqual(taken)
    expect(await journal.commitOnce(at(NOW_US), key)).toMatchObject({ kind: 'repeat' })
    const [story] = await journal.search({ limit: 10 })
    expect(story?.repeats.count).toBe(1)
    expect(await openIds(journal)).toEqual([first.events[0]?.id])
  })

  it('that come at the same time as the first are kept once', async () => {
    const journal = await openOn(engine)
    const [key, other] = [newKey(), newKey(X)]
    const all = Array.from({ length: 40 }, () => at(NOW_US))
    const fates = await Promise.all(all.map((each, i) => journal.commitOnce(each, i % 2 === 0 ? key : other)))
    expect(fates.map(({ kind }) => kind)).toEqual(['kept', 'kept', ...all.slice(2).map(() => 'repeat')])
    expect(await openIds(journal)).toEqual([all[0]?.events[0]?.id, all[1]?.events[0]?.id])
    const stories = await journal.search({ limit: 10 })
    expect(stories.map(({ repeats }) => repeats.count)).toEqual([19, 19])
  })

  it('are known after a restart', async () => {
    const place = await placeOn(engine)
    const before = await place.open()
    const [key, other] = [newKey(), newKey(X)]
    const [first, second] = [at(NOW_US), at(NOW_US)]
    await before.commitOnce(first, key)
    await before.commitOnce(second, other)
    await before.close()
    const journal = await place.open()
    expect(await journal.commitOnce(at(NOW_US), key)).toMatchObject({ first: { requestId: first.requestId } })
    expect(await journal.commitOnce(at(NOW_US), other)).toMatchObject({ first: { requestId: second.requestId } })
    expect(await journal.commitOnce(at(NOW_US), { ...other, content: Y })).toMatchObject({ kind: 'taken' })
    expect(await journal.search({ limit: 10 })).toHaveLength(2)
  })

  it('are firsts when the window is over', async () => {
    const journal = await openOn(engine)
    const key = newKey()
    const [first, second] = [at(NOW_US), at(NOW_US + WINDOW_US + 1)]
    await journal.commitOnce(first, key)
    expect(await journal.commitOnce(at(NOW_US + WINDOW_US), key)).toMatchObject({ kind: 'repeat' })
    expect(await journal.commitOnce(second, key)).toMatchObject({ kind: 'kept' })
    expect(await journal.commitOnce(at(NOW_US + 2 * WINDOW_US), key)).toMatchObject({
      first: { requestId: second.requestId },
    })
    expect(await openIds(journal)).toEqual([first.events[0]?.id, second.events[0]?.id])
  })

  it('are firsts when retention has removed what they would repeat, and their counts with it', async () => {
    const place = await askedPlaceOn(engine)
    const journal = await place.open()
    const key = newKey()
    const [first, second] = [at(NOW_US, [decided([]), decided([])]), at(NOW_US + 2)]
    await journal.commitOnce(first, key)
    await journal.commitOnce(at(NOW_US + 1), key)
    await journal.retain(NOW_US + 1, 0)
    expect(await journal.search({ limit: 10 })).toEqual([])
    expect(await place.orphans()).toEqual([])
    expect(await journal.commitOnce(second, key)).toMatchObject({ kind: 'kept' })
    expect(await journal.commitOnce(at(NOW_US + 3), key)).toMatchObject({ first: { requestId: second.requestId } })
    expect((await journal.search({ limit: 10 })).map(({ repeats }) => repeats.count)).toEqual([1])
  })

  it('are asked for by a submission without events, which keeps nothing', async () => {
    const journal = await openOn(engine)
    const key = newKey()
    expect(await journal.commitOnce(at(NOW_US, []), key)).toEqual({ kind: 'kept', passedOn: [] })
    const first = at(NOW_US)
    expect(await journal.commitOnce(first, key)).toMatchObject({ kind: 'kept' })
    expect(await journal.commitOnce(at(NOW_US, []), key)).toMatchObject({ first: { requestId: first.requestId } })
    expect(await journal.commitOnce(at(NOW_US + WINDOW_US + 1, []), key)).toMatchObject({ kind: 'kept' })
    expect(await journal.search({ limit: 10 })).toHaveLength(1)
  })

  it('are known of a request that is larger than what shares a number', async () => {
    const journal = await openOn(engine)
    const key = newKey()
    const first = at(
      NOW_US,
      Array.from({ length: 5000 }, (_, i) => decided(i % 7 === 0 ? [] : ['a'])),
    )
    await journal.commitOnce(first, key)
    const told = { requestId: first.requestId, codes: codesOf(first) }
    expect(await journal.commitOnce(at(NOW_US), key)).toEqual({ kind: 'repeat', first: told })
    const last = first.events.at(-1)
    expect((await journal.event(last?.id ?? decided([]).id))?.repeats.count).toBe(1)
  })

  it('are never kept twice, whatever comes in which order and however often the journal is opened again', async () => {
    const request = fc.record({ name: fc.integer({ min: 0, max: 2 }), content: fc.constantFrom(X, X, X, Y) })
    const step = fc.oneof(
      {
        weight: 12,
        arbitrary: fc.record({ afterS: fc.integer({ min: 0, max: 200 }), requests: fc.array(request, { maxLength: 6 }) }),
      },
      { weight: 1, arbitrary: fc.constant('reopen' as const) },
    )
    const place = await placeOn(engine)
    let journal = await place.open()
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 25 }), async (steps) => {
        const names = [newKey(), newKey(), newKey()]
        const model = createModel()
        let nowUs = NOW_US
        for (const each of steps) {
          if (each === 'reopen') {
            await journal.close()
            journal = await place.open()
            continue
          }
          nowUs += each.afterS * 1_000_000
          const sent = each.requests.map(({ name, content }) => ({
            key: { digest: names[name]?.digest ?? '', content },
            it: at(nowUs),
          }))
          const expected = sent.map(({ key, it }) => model.commit(key, it))
          expect(await Promise.all(sent.map(({ key, it }) => journal.commitOnce(it, key)))).toMatchObject(expected)
        }
        for (const [requestId, count] of model.counts) {
          const stories = await journal.search({ requestId, limit: 10 })
          expect(stories.map(({ repeats }) => repeats.count)).toEqual([count])
        }
      }),
      { numRuns: 10 },
    )
  })
})

/** What should become of commits, and how often each request that was kept came again. */
function createModel() {
  const known = new Map<string, { readonly content: string | null; readonly atUs: number; readonly first: FirstRequest }>()
  const counts = new Map<string, number>()
  return {
    counts,
    commit: ({ digest, content }: RepeatKey, it: ReturnType<typeof submission>) => {
      const earlier = known.get(digest)
      if (earlier === undefined || it.receivedAtUs - earlier.atUs > WINDOW_US) {
        const first = { requestId: it.requestId, codes: codesOf(it) }
        known.set(digest, { content, atUs: it.receivedAtUs, first })
        counts.set(it.requestId, 0)
        return { kind: 'kept' }
      }
      const { first } = earlier
      if (earlier.content !== content) return { kind: 'taken', requestId: first.requestId }
      counts.set(first.requestId, (counts.get(first.requestId) ?? 0) + 1)
      return { kind: 'repeat', first }
    },
  }
}
