import type { Program } from './processes.ts'

/** An OpenStack API under uWSGI, as Debian runs it: HTTP on loopback, two processes. */
export function wsgi({
  name,
  port,
  script,
  confs,
  isForkSafe = true,
  environment = {},
}: {
  readonly name: string
  readonly port: number
  /** The Python file that makes the application. */
  readonly script: string
  readonly confs: readonly string[]
  /** Whether the application may be loaded once and then forked, which costs half as much: not where it opens connections as it loads. */
  readonly isForkSafe?: boolean
  readonly environment?: Readonly<Record<string, string>>
}): Program {
  return {
    name,
    command: 'uwsgi',
    args: [
      ...['--plugins', 'python3,http', '--http', `127.0.0.1:${port}`, '--http-keepalive=75', '--http-auto-chunked'],
      ...[
        '--wsgi-file',
        script,
        '--pyargv',
        confs.map((conf) => `--config-file ${conf}`).join(' '),
        '--master',
        '--processes',
        '2',
        ...(isForkSafe ? [] : ['--lazy-apps']),
      ],
      ...['--enable-threads', '--thunder-lock', '--buffer-size', '65535', '--die-on-term', '--need-app', '--disable-logging'],
    ],
    environment,
  }
}
