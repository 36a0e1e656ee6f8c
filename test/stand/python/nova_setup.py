"""Makes the databases of a Nova: schemas, cells, and the mappings of hosts to cells; in one process, as most of nova-manage's time
is its start.

usage: nova_setup.py NOVA_CONF   with JSON on standard input: {"cell0": DATABASE, "cells": [{"name", "database",
"transportUrl", "hosts"}], "running": HOSTS}; a host that is not running gets the row in services that its nova-compute would make.
"""
import json
import sys

from nova import config, context, objects
from nova.db import migration

plan = json.load(sys.stdin)
config.parse_args(['nova-setup', '--config-file', sys.argv[1]])
objects.register_all()
admin = context.get_admin_context()

migration.db_sync(database='api')


def cell(uuid, name, database, transport_url):
    mapping = objects.CellMapping(admin, uuid=uuid, name=name, database_connection=database, transport_url=transport_url, disabled=False)
    mapping.create()
    with context.target_cell(admin, mapping) as ctxt:
        migration.db_sync(context=ctxt)
    return mapping


cell(objects.CellMapping.CELL0_UUID, 'cell0', plan['cell0'], 'none:///')
for number, each in enumerate(plan['cells'], start=1):
    mapping = cell(f'00000000-0000-4000-8000-{number:012d}', each['name'], each['database'], each['transportUrl'])
    for host in each['hosts']:
        objects.HostMapping(admin, host=host, cell_mapping=mapping).create()
        if host not in plan['running']:
            with context.target_cell(admin, mapping) as ctxt:
                objects.Service(ctxt, host=host, binary='nova-compute', topic='compute', report_count=0, disabled=False).create()
