import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { agentCommand } from './agent.ts'
import { checkCommand } from './check.ts'
import { configCommand } from './config.ts'
import { dbCommand } from './db.ts'
import { demoCommand } from './demo.ts'
import { eventsCommand } from './events.ts'
import { describeFailure, exitCodeOf } from './failures.ts'
import { hostsCommand } from './hosts.ts'
import { sendCommand } from './send.ts'
import { serveCommand } from './serve.ts'
import { serversCommand } from './servers.ts'
import type { Terminal } from './terminal.ts'

/** Runs one command line and resolves with its exit code: 0 done, 1 failed, 2 called wrongly. Never rejects. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  const program = createProgram(terminal)
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return 0
  } catch (error) {
    const words = describeFailure(error)
    if (words !== null) terminal.say(`novacast: ${words}`)
    if (program.opts()['debug'] === true && error instanceof Error) terminal.sayLines(error.stack ?? '')
    return exitCodeOf(error)
  }
}

function createProgram(terminal: Terminal): Command {
  const program = new Command('novacast')
    .description("Nova's server external events as a service: durable, observable, fast.")
    .version(readVersion(), '--version', 'print the version')
    .option('-v, --debug', 'show where a failure comes from')
    .addHelpText('after', '\nA first look: novacast demo')
  for (const create of COMMANDS) program.addCommand(create(terminal))
  for (const command of [program, ...descendants(program)])
    command
      .exitOverride()
      .showHelpAfterError(`See: ${pathOf(command)} --help`)
      .configureHelp({ showGlobalOptions: true })
      .configureOutput({
        writeErr: (text) => terminal.sayLines(text),
        outputError: (text, write) => write(text.replace(/^error:/, 'novacast:')),
      })
  return program
}

/** In the order of the help: the service first, then its clients. */
const COMMANDS = [
  serveCommand,
  checkCommand,
  configCommand,
  dbCommand,
  sendCommand,
  serversCommand,
  hostsCommand,
  eventsCommand,
  agentCommand,
  demoCommand,
]

function descendants(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...descendants(child)])
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`
}

/** From the package's own description, two folders up in the sources and in what is built. */
function readVersion(): string {
  const description: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  if (typeof description === 'object' && description !== null && 'version' in description) return String(description.version)
  return 'unknown'
}
