import { type FSWatcher, statSync, watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { PolicyConfig } from '../config/config.ts'
import { listRuleFiles } from './read-rules.ts'

/** Files are looked at this often, whatever the system tells: a folder may not exist yet, and network file systems tell nothing. */
const LOOK_MS = 2000

/** How long to wait for a writer to be done. */
const SETTLE_MS = 50

/** Calls `changed` whenever the policy files are other than before: written, replaced, added, removed. Returns what stops it. */
export function watchRules(config: PolicyConfig, changed: () => void): () => void {
  let before = describeFiles(config)
  let settling: NodeJS.Timeout | null = null
  const look = () => {
    settling = null
    const now = describeFiles(config)
    if (now === before) return
    before = now
    changed()
  }
  const lookSoon = () => {
    settling ??= setTimeout(look, SETTLE_MS).unref()
  }
  const watchers = new Map<string, FSWatcher>()
  const watchAll = () => {
    for (const dir of foldersOf(config)) if (!watchers.has(dir)) watchFolder(dir, watchers, lookSoon)
  }
  watchAll()
  const timer = setInterval(() => {
    watchAll()
    look()
  }, LOOK_MS).unref()
  return () => {
    clearInterval(timer)
    if (settling !== null) clearTimeout(settling)
    for (const watcher of watchers.values()) watcher.close()
  }
}

/** The folder of the file, not the file: editors replace files, and a replaced file is no longer watched. */
function foldersOf({ file, dirs }: PolicyConfig): readonly string[] {
  return [...(file === null ? [] : [dirname(file)]), ...dirs]
}

function watchFolder(dir: string, watchers: Map<string, FSWatcher>, lookSoon: () => void): void {
  try {
    const watcher = watch(dir, { persistent: false }, lookSoon)
    const drop = () => {
      watchers.delete(dir)
      watcher.close()
      lookSoon()
    }
    watcher.on('error', drop)
    // A folder that is removed tells so by an event with its own name, and nothing ever after.
    watcher.on('change', (type, name) => {
      if (type === 'rename' && name === basename(dir)) drop()
    })
    watchers.set(dir, watcher)
  } catch {
    // It does not exist, or the system has no watches left: looking every now and then will do.
  }
}

/** A text that differs whenever a file does. */
function describeFiles(config: PolicyConfig): string {
  return describeSafely(() => listRuleFiles(config).map(describeFile).join('\n'))
}

function describeFile(file: string): string {
  return describeSafely(() => {
    const { ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true })
    return `${file} ${ino} ${size} ${mtimeNs} ${ctimeNs}`
  })
}

function describeSafely(describe: () => string): string {
  try {
    return describe()
  } catch (error) {
    return String(error)
  }
}
