"""Puts servers into a Nova with its own object layer.

usage: seed.py NOVA_CONF   reads lines of JSON from standard input, each a list of {"name", "kind", "cell", "host", "projectId", "rich"},
and answers each with a line: {"seeded": [{"name", "uuid", "host", "projectId"}]}, or {"error": TRACEBACK}. Kinds: active; unassigned,
migrating, missing, deleted, softdeleted, shelved, cell0, archived, building as the conformance corpus has them.

One process for each Nova, so that it has one line after the other: two that both make an admin's default security group leave two of
them, since nothing is unique beside a NULL project, and Nova then finds neither.
"""
import json
import sys
import traceback
import uuid

from nova import config, context, objects
from nova.compute import power_state, task_states, vm_states
from nova.network import model

config.parse_args(['seed', '--config-file', sys.argv[1]])
objects.register_all()
admin = context.get_admin_context()
USER = uuid.uuid4().hex
FLAVOR = dict(flavorid='1', name='m1.tiny', memory_mb=512, vcpus=1, root_gb=1, ephemeral_gb=0, swap=0, rxtx_factor=1.0, vcpu_weight=0,
              disabled=False, is_public=True, projects=[], description=None, created_at=None, updated_at=None, deleted_at=None,
              deleted=False)


def network_info():
    subnet = model.Subnet(cidr='10.0.0.0/24', ips=[model.FixedIP(address='10.0.0.7', floating_ips=[])], version=4,
                          gateway=model.IP(address='10.0.0.1', type='gateway'), dns=[], routes=[])
    network = model.Network(id=str(uuid.uuid4()), bridge='br-int', label='net', subnets=[subnet], mtu=1450)
    return model.NetworkInfo([
        model.VIF(id=str(uuid.uuid4()), address='fa:16:3e:00:00:07', network=network, type='ovs', devname='tap0000007', active=True,
                  details={'port_filter': True}, profile={}, vnic_type='normal')])


def all_that_it_can_carry(server):
    key = objects.KeyPair(user_id=USER, name='key', fingerprint='aa:bb', public_key='ssh-rsa AAAA', type='ssh')
    request = objects.InstancePCIRequest(count=1, alias_name='gpu', spec=[{'vendor_id': '10de'}], request_id=str(uuid.uuid4()),
                                         requester_id=None)
    return dict(
        info_cache=objects.InstanceInfoCache(instance_uuid=server, network_info=network_info()),
        numa_topology=objects.InstanceNUMATopology(instance_uuid=server, cells=[
            objects.InstanceNUMACell(id=0, cpuset={0}, pcpuset=set(), memory=512, pagesize=4)]),
        pci_requests=objects.InstancePCIRequests(instance_uuid=server, requests=[request]),
        keypairs=objects.KeyPairList(objects=[key]), key_name='key', key_data='ssh-rsa AAAA',
        metadata={'role': 'web', 'empty': ''}, system_metadata={'image_min_ram': '0', 'image_base_image_ref': 'x'},
        access_ip_v4='10.0.0.7', availability_zone='nova', config_drive='True', locked_by='owner')


def create(cell, name, host, project, rich, vm_state=vm_states.ACTIVE, task_state=None):
    server = str(uuid.uuid4())
    more = all_that_it_can_carry(server) if rich else dict(metadata={}, system_metadata={})
    flavor = objects.Flavor(id=1, extra_specs={'hw:numa_nodes': '1'} if rich else {}, **FLAVOR)
    with context.target_cell(admin, cell) as ctxt:
        instance = objects.Instance(
            context=ctxt, uuid=server, project_id=project, user_id=USER, host=host, node=host, display_name=name, hostname=name,
            vm_state=vm_state, task_state=task_state, power_state=power_state.RUNNING, launched_on=host,
            image_ref='155d900f-4e14-4e4c-a73d-069cbf4541e6', memory_mb=512, vcpus=1, root_gb=1, ephemeral_gb=0, flavor=flavor,
            old_flavor=None, new_flavor=None, instance_type_id=1, **more)
        instance.create()
    return instance


def put_on_the_way(cell, server, source, target):
    with context.target_cell(admin, cell) as ctxt:
        instance = objects.Instance.get_by_uuid(ctxt, server)
        migration = objects.Migration(
            context=ctxt, instance_uuid=server, source_compute=source, dest_compute=target, source_node=source, dest_node=target,
            migration_type='live-migration', status='running', old_instance_type_id=1, new_instance_type_id=1)
        migration.create()
        instance.migration_context = objects.MigrationContext(
            context=ctxt, instance_uuid=server, migration_id=migration.id, old_numa_topology=None, new_numa_topology=None,
            old_pci_devices=None, new_pci_devices=None, old_pci_requests=None, new_pci_requests=None, old_resources=None,
            new_resources=None)
        instance.task_state = task_states.MIGRATING
        instance.save()


def destroy(cell, server):
    with context.target_cell(admin, cell) as ctxt:
        objects.Instance.get_by_uuid(ctxt, server).destroy()


def seed(cells, kind, name, cell, host, projectId, rich):
    mapped, server = cells['cell0' if kind == 'cell0' else cell], str(uuid.uuid4())
    if kind in ('unassigned', 'shelved', 'cell0', 'missing', 'archived', 'building'):
        host = None
    if kind not in ('missing', 'archived', 'building'):
        state = {'softdeleted': vm_states.SOFT_DELETED, 'shelved': vm_states.SHELVED_OFFLOADED}.get(kind, vm_states.ACTIVE)
        server = create(mapped, name, host, projectId, rich, state).uuid
    if kind == 'migrating':
        put_on_the_way(mapped, server, host, 'compute-2')
    if kind == 'deleted':
        destroy(mapped, server)
    if kind != 'missing':
        objects.InstanceMapping(admin, instance_uuid=server, cell_mapping=None if kind == 'building' else mapped, project_id=projectId,
                                user_id=USER, queued_for_delete=kind == 'deleted').create()
    return {'uuid': server, 'host': host, 'name': name, 'projectId': projectId}


for line in sys.stdin:
    try:
        cells = {cell.name: cell for cell in objects.CellMappingList.get_all(admin)}
        answer = {'seeded': [seed(cells, **each) for each in json.loads(line)]}
    except Exception:
        answer = {'error': traceback.format_exc()[-3000:]}
    print(json.dumps(answer), flush=True)
