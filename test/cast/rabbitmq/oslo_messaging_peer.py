"""Reads transport URLs as the real oslo.messaging and kombu do: a list of texts in, a list of answers out, both JSON.

An answer is what the RabbitMQ driver would connect to ("hosts", "virtual_host"), or "error".
"""

import json
import logging
import sys

import kombu
from oslo_config import cfg
import oslo_messaging
from oslo_messaging._drivers import impl_rabbit

logging.disable(logging.CRITICAL)


def answer(text):
    conf = cfg.ConfigOpts()
    conf([], project='nova', default_config_files=[], default_config_dirs=[])
    try:
        url = oslo_messaging.TransportURL.parse(conf, text)
        if url.transport not in ('rabbit', 'kombu'):
            return 'error'
        driver = impl_rabbit.RabbitDriver(conf, url, default_exchange='nova')
        connection = impl_rabbit.Connection(driver.conf, url, 'send')
    except Exception:
        return 'error'
    hosts = [kombu.Connection(each).info() for each in connection._url.split(';')]
    return {
        'hosts': sorted([each['hostname'], each['port'], each['userid'] or 'guest', each['password'] or 'guest'] for each in hosts),
        'virtual_host': hosts[0]['virtual_host'],
    }


impl_rabbit.Connection.ensure_connection = lambda self: None
impl_rabbit.Connection._heartbeat_start = lambda self: None
json.dump([answer(text) for text in json.load(sys.stdin)], sys.stdout)
