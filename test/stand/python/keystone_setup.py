"""Makes a Keystone's tables, keys, administrator and first endpoint, in one process: most of keystone-manage's time is its start.

usage: keystone_setup.py KEYSTONE_CONF URL
"""
import sys

from keystone.cmd import cli

conf, url = sys.argv[1:3]
as_root = ['--keystone-user', 'root', '--keystone-group', 'root']
cli.main(['keystone-manage', '--config-file', conf, 'db_sync'])
for command in (
        ['fernet_setup', *as_root],
        ['credential_setup', *as_root],
        ['bootstrap', '--bootstrap-password', 'admin', '--bootstrap-region-id', 'RegionOne', '--bootstrap-admin-url', url + '/v3',
         '--bootstrap-public-url', url + '/v3', '--bootstrap-internal-url', url + '/v3']):
    cli.CONF(['--config-file', conf, *command], project='keystone')
    cli.CONF.command.cmd_class.main()
