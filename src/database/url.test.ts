import { describe, expect, it } from 'vitest'
import { type DatabaseUrl, parseDatabaseUrl } from './url.ts'

function parse(text: string): DatabaseUrl {
  const parsed = parseDatabaseUrl(text)
  if (parsed.kind === 'invalid') throw new Error(parsed.reason)
  return parsed.url
}

describe('parseDatabaseUrl', () => {
  it('reads what Nova is configured with', () => {
    expect(parse('mysql+pymysql://nova:secret@controller/nova_api?charset=utf8')).toEqual({
      engine: 'mysql',
      address: { kind: 'tcp', host: 'controller', port: 3306 },
      user: 'nova',
      password: 'secret',
      database: 'nova_api',
      tls: { kind: 'off' },
      sessionOptions: null,
      ignored: [],
    })
    expect(parse('postgresql+psycopg2://nova:secret@10.0.0.1:6432/nova?options=-csearch_path%3Dnova')).toMatchObject({
      engine: 'postgresql',
      address: { kind: 'tcp', host: '10.0.0.1', port: 6432 },
      tls: { kind: 'prefer' },
      sessionOptions: '-csearch_path=nova',
      ignored: [],
    })
  })

  it('takes any driver of the two engines', () => {
    for (const scheme of ['mysql', 'mysql+mysqldb', 'mysql+asyncmy', 'mariadb+pymysql', 'mariadb'])
      expect(parse(`${scheme}://u@h/d`).engine).toBe('mysql')
    for (const scheme of ['postgresql', 'postgres', 'postgresql+psycopg', 'postgresql+pg8000', 'postgresql+asyncpg'])
      expect(parse(`${scheme}://u@h/d`).engine).toBe('postgresql')
  })

  it('decodes user and password, which may hold anything but an @', () => {
    expect(parse('mysql://n%40va:p%2Fs%25s%C3%A9@h/d')).toMatchObject({ user: 'n@va', password: 'p/s%sé' })
    expect(parse('mysql://nova:a/b?c#d:e@h/d')).toMatchObject({ password: 'a/b?c#d:e', database: 'd' })
    expect(parse('mysql://nova:100%@h/d').password).toBe('100%')
  })

  it('appends more options', () => {
    const url = 'mysql+pymysql://u:p@h/d'
    const tls = (text: string, parameters: string) => {
      const parsed = parseDatabaseUrl(text, parameters)
      return parsed.kind === 'parsed' ? parsed.url.tls : parsed
    }
    expect(tls(url, 'ssl_ca=/c%20a.pem')).toEqual(parse(`${url}?ssl_ca=/c%20a.pem`).tls)
    expect(tls(`${url}?ssl_cert=/c.pem`, 'ssl_key=/k.pem')).toMatchObject({ certFile: '/c.pem', keyFile: '/k.pem' })
    expect(tls(`${url}?ssl_ca=/ca.pem`, 'ssl_ca=/ca.pem')).toMatchObject({ kind: 'invalid' })
  })

  it('does without user, password, host and port', () => {
    expect(parse('mysql:///d')).toMatchObject({
      user: null,
      password: '',
      address: { kind: 'tcp', host: 'localhost', port: 3306 },
    })
    expect(parse('mysql://nova@/d')).toMatchObject({ user: 'nova', password: '', address: { kind: 'tcp', host: 'localhost' } })
    expect(parse('postgresql:///d').address).toEqual({ kind: 'socket', path: '/var/run/postgresql', port: 5432 })
    expect(parse('mysql://u:p@[2001:db8::1]:3307/d').address).toEqual({ kind: 'tcp', host: '2001:db8::1', port: 3307 })
  })

  it('tells which options change nothing, unless they may be a part of a password', () => {
    expect(parse('mysql://u@h/d?read_timeout=5&unix_socket=/s&charset=utf8&read_timeout=6').ignored).toEqual(['read_timeout'])
    expect(parse('postgresql://u@h/d?target_session_attrs=read-write&a/b=c').ignored).toEqual(['target_session_attrs'])
  })

  it('goes through a socket', () => {
    expect(parse('mysql+pymysql://u:p@/d?unix_socket=/run/mysqld/mysqld.sock').address).toMatchObject({
      path: '/run/mysqld/mysqld.sock',
    })
    expect(parse('postgresql://u@/d?host=/run/pg&port=5433').address).toEqual({ kind: 'socket', path: '/run/pg', port: 5433 })
    expect(parse('postgresql://u@/d?host=db1:5433').address).toEqual({ kind: 'tcp', host: 'db1', port: 5433 })
  })

  it('verifies who MySQL is where a CA is named, as PyMySQL does', () => {
    const tls = (query: string) => parse(`mysql+pymysql://u@h/d?${query}`).tls
    const on = { kind: 'on', caFile: null, certFile: null, keyFile: null, ciphers: null } as const
    expect(tls('ssl_ca=/ca.pem')).toEqual({ ...on, caFile: '/ca.pem', verify: 'host' })
    expect(tls('ssl_ca=/ca.pem&ssl_check_hostname=false')).toEqual({ ...on, caFile: '/ca.pem', verify: 'ca' })
    expect(tls('ssl_ca=/ca.pem&ssl_verify_cert=false')).toEqual({ ...on, caFile: '/ca.pem', verify: 'nothing' })
    expect(tls('ssl_ca=/ca.pem&ssl_verify_cert=true&ssl_verify_identity=false')).toMatchObject({ verify: 'ca' })
    expect(tls('ssl_cert=/c.pem&ssl_key=/k.pem')).toEqual({ ...on, certFile: '/c.pem', keyFile: '/k.pem', verify: 'nothing' })
    expect(tls('ssl=true')).toEqual({ ...on, verify: 'nothing' })
    expect(tls('ssl_mode=VERIFY_IDENTITY')).toEqual({ ...on, verify: 'host' })
    expect(tls('ssl_ca=/ca.pem&ssl_disabled=true')).toEqual({ kind: 'off' })
  })

  it('speaks TLS with MySQL where any option of it is there, as PyMySQL does', () => {
    const tls = (query: string) => parse(`mysql+pymysql://u@h/d?${query}`).tls
    for (const query of [
      'ssl_check_hostname=false',
      'ssl_check_hostname=true',
      'ssl_verify_cert=false',
      'ssl_verify_identity=false',
    ])
      expect(tls(query), query).toMatchObject({ kind: 'on', verify: 'nothing' })
    expect(tls('ssl_cipher=AES256-SHA256')).toMatchObject({ kind: 'on', ciphers: 'AES256-SHA256', verify: 'nothing' })
    expect(tls('ssl_ca=&charset=utf8')).toEqual({ kind: 'off' })
  })

  it('verifies the certificate alone, not the name, where that alone is asked for, as PyMySQL does', () => {
    const tls = (query: string) => parse(`mysql+pymysql://u@h/d?${query}`).tls
    expect(tls('ssl_verify_cert=true')).toMatchObject({ caFile: null, verify: 'ca' })
    expect(tls('ssl_verify_cert=true&ssl_ca=/ca.pem')).toMatchObject({ caFile: '/ca.pem', verify: 'ca' })
    expect(tls('ssl_verify_cert=true&ssl_verify_identity=true')).toMatchObject({ verify: 'host' })
    expect(tls('ssl_verify_cert=t&ssl_ca=/ca.pem&ssl_check_hostname=y')).toMatchObject({ verify: 'host' })
  })

  it("knows libpq's sslmode", () => {
    const tls = (query: string) => parse(`postgresql://u@h/d?${query}`).tls
    expect(tls('sslmode=disable')).toEqual({ kind: 'off' })
    expect(tls('sslmode=require')).toMatchObject({ kind: 'on', verify: 'nothing' })
    expect(tls('sslmode=require&sslrootcert=/ca.pem')).toMatchObject({ caFile: '/ca.pem', verify: 'ca' })
    expect(tls('sslmode=verify-ca&sslrootcert=/ca.pem')).toMatchObject({ verify: 'ca' })
    expect(tls('sslmode=verify-full&sslcert=/c&sslkey=/k')).toMatchObject({ certFile: '/c', keyFile: '/k', verify: 'host' })
    expect(tls('sslcert=/c&sslkey=/k')).toMatchObject({ kind: 'prefer', certFile: '/c', keyFile: '/k', verify: 'nothing' })
    expect(tls('sslrootcert=system')).toMatchObject({ kind: 'on', caFile: null, verify: 'host' })
  })

  it('says what it expected, and never shows the URL', () => {
    const bad = [
      'nova:secret@host/nova',
      'oracle://u:secret@h/d',
      'mysql://u:secret@h',
      'mysql://u:secret@h/',
      'mysql://u:secret@h:port/d',
      'mysql://u:secret@h:99999/d',
      'mysql://u:sec@ret@h/d',
      'postgresql://u:secret@h/d?sslmode=maybe',
      'mysql://u:secret@h/d?ssl_mode=maybe',
      'mysql://u:secret@h/d?ssl_capath=/secret',
      'mysql://u:secret@h/d?ssl_key_password=secret',
      'mysql://u:secret@h/d?ssl_ca=/secret&ssl_check_hostname=secret',
      'mysql://u:secret@h/d?ssl_ca=/a&ssl_ca=/secret',
      'postgresql://u:secret@/d?host=a,b',
      'postgresql://u:secret@/d?host=a:1&host=b:2',
      'postgresql://u:secret@/d?host=a:99999',
      'postgresql://u:secret@h/d?port=1,2',
      'postgresql://u:secret@h/d?sslmode=require&sslrootcert=system',
      'sqlite:///secret.db',
      '',
    ]
    for (const text of bad) {
      const parsed = parseDatabaseUrl(text)
      if (parsed.kind === 'parsed') throw new Error(`${text} was taken`)
      expect(parsed.reason).toMatch(/^expected /)
      expect(parsed.reason).not.toMatch(/sec|ret@/)
    }
  })
})
