"""Puts into a fresh Keystone the projects, roles and users that the tests know, and prints their ids as JSON.

usage: identity.py KEYSTONE   (base URL); every user's password is its name
"""
import json
import sys

from keystoneauth1.identity import v3
from keystoneauth1.session import Session
from keystoneclient.v3 import client

auth = v3.Password(auth_url=sys.argv[1] + '/v3', username='admin', password='admin', project_name='admin',
                   user_domain_id='default', project_domain_id='default')
keystone = client.Client(session=Session(auth=auth), region_name='RegionOne')

roles = {role.name: role for role in keystone.roles.list()}
if 'service' not in roles:
    roles['service'] = keystone.roles.create('service')
projects = {name: keystone.projects.create(name, 'default') for name in ('service', 'demo')}
projects['admin'] = keystone.projects.list(name='admin')[0]
users = {'admin': keystone.users.list(name='admin')[0]}


def user(name, project, *names):
    users[name] = keystone.users.create(name, domain='default', password=name)
    for each in names:
        keystone.roles.grant(roles[each], user=users[name], project=projects[project])


for name in ('neutron', 'cinder', 'ironic', 'cyborg', 'nova', 'placement', 'novacast'):
    user(name, 'service', 'admin', 'service')
user('serviceonly', 'service', 'service')
user('demo', 'demo', 'member')
user('reader', 'demo', 'reader')
print(json.dumps({'projectIds': {name: each.id for name, each in projects.items()},
                  'userIds': {name: each.id for name, each in users.items()}}))
