#!/usr/bin/env -S node --min-semi-space-size=4 --max-semi-space-size=16
// Nothing else is imported before the check: on an older Node the rest would fail with words that help nobody.
const major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  process.stderr.write(`novacast needs Node 24 or newer; this is ${process.version}\n`)
  process.exit(1)
}
const { run } = await import('./run.ts')
const { createTerminal } = await import('./terminal.ts')

process.exitCode = await run(process.argv.slice(2), createTerminal(process))
