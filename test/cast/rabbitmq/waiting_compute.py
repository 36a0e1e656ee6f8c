"""A nova-compute's event handling with something that waits: Nova's own compute manager serves its RPC queue under a host name of its
own, while a thread waits for an event as spawning a server does (nova/virt/libvirt/driver.py: wait_for_instance_event).

    waiting_compute.py NOVA_CONF HOST SERVER_UUID EVENT_NAME TAG

Prints `waiting` when the queue is served and the thread waits, then `released STATUS` or `timeout`.
"""

import eventlet

eventlet.monkey_patch()

import sys  # noqa: E402

from nova import config, context, objects, rpc  # noqa: E402
from nova.compute import manager, rpcapi  # noqa: E402
from nova.objects import base  # noqa: E402
import nova.conf  # noqa: E402
import oslo_messaging  # noqa: E402


def main(conf_file, host, uuid, name, tag):
    config.parse_args(['waiting-compute', '--config-file', conf_file])
    nova.conf.CONF.set_override('host', host)
    objects.register_all()
    compute = manager.ComputeManager(compute_driver='fake.FakeDriver')
    target = oslo_messaging.Target(topic=rpcapi.RPC_TOPIC, server=host)
    server = rpc.get_server(target, [compute], base.NovaObjectSerializer())
    server.start()
    instance = objects.Instance(context.get_admin_context(), uuid=uuid, vm_state='building', task_state='spawning')
    seen = []

    def failed(event_name, event_instance):
        seen.append('failed')
        return True

    try:
        with compute.virtapi.wait_for_instance_event(instance, [(name, tag)], deadline=60, error_callback=failed):
            print('waiting', flush=True)
        print('released', 'failed' if seen else 'completed', flush=True)
    except eventlet.timeout.Timeout:
        print('timeout', flush=True)
    server.stop()


if __name__ == '__main__':
    main(*sys.argv[1:])
