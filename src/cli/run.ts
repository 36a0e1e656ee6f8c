import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { describeFailure, exitCodeOf } from './failures.ts'
import type { Terminal } from './terminal.ts'

/** Runs one command line and resolves with its exit code: 0 done, 1 failed, 2 called wrongly. Never rejects. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  const program = await createProgram(argv, terminal)
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

async function createProgram(argv: readonly string[], terminal: Terminal): Promise<Command> {
  const program = new Command('novacast')
    .description("Nova's server external events as a service: durable, observable, fast.")
    .version(readVersion(), '--version', 'print the version')
    .option('-v, --debug', 'show where a failure comes from')
    .addHelpText('after', '\nA first look: novacast demo')
  for (const create of await loadCommands(argv)) program.addCommand(create(terminal))
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
const COMMANDS: Readonly<Record<string, () => Promise<CreateCommand>>> = {
  serve: async () => (await import('./serve.ts')).serveCommand,
  check: async () => (await import('./check.ts')).checkCommand,
  config: async () => (await import('./config.ts')).configCommand,
  db: async () => (await import('./db.ts')).dbCommand,
  send: async () => (await import('./send.ts')).sendCommand,
  servers: async () => (await import('./servers.ts')).serversCommand,
  hosts: async () => (await import('./hosts.ts')).hostsCommand,
  events: async () => (await import('./events.ts')).eventsCommand,
  agent: async () => (await import('./agent.ts')).agentCommand,
  demo: async () => (await import('./demo.ts')).demoCommand,
}

type CreateCommand = (terminal: Terminal) => Command

/** The command that is called, or all where that cannot be told so simply: a service is not to carry the code of its clients. */
function loadCommands([name = '']: readonly string[]): Promise<readonly CreateCommand[]> {
  const called = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  return Promise.all(called === undefined ? Object.values(COMMANDS).map((load) => load()) : [called()])
}

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
