"""Sends external events with the real python-novaclient and prints as JSON what came of each call.

usage: novaclient_calls.py   with JSON on standard input: {"authUrl", "region", "endpoint", "calls": [{"microversion", "user", "project",
"token", "events", "globalRequestId", "connectRetries"}]}. A call with a token goes straight to the endpoint; others log in (a user's password is its name) and find the
endpoint in Keystone's catalog by its region. Printed for each: {"status", "microversion", "events"}, where the last two are those of
the answer; for an error {"status", "error", "message"}.
"""
import json
import sys

import requests
from keystoneauth1.identity import v3
from keystoneauth1.session import Session
from keystoneauth1.token_endpoint import Token
from novaclient import client, exceptions

plan = json.load(sys.stdin)


def login(user, project):
    return v3.Password(auth_url=plan['authUrl'], username=user, password=user, project_name=project, user_domain_id='default',
                       project_domain_id='default')


def call(microversion, events, user=None, project=None, token=None, globalRequestId=None, connectRetries=None):
    answers = []
    http = requests.Session()
    http.hooks['response'].append(lambda response, **kwargs: answers.append(response))
    auth = login(user, project) if token is None else Token(plan['endpoint'], token)
    nova = client.Client(microversion, session=Session(auth=auth, session=http), region_name=plan['region'],
                         global_request_id=globalRequestId, connect_retries=connectRetries)
    try:
        returned = nova.server_external_events.create(events)
    except exceptions.ClientException as error:
        return {'status': error.code, 'error': type(error).__name__, 'message': error.message}
    return {'status': answers[-1].status_code, 'microversion': answers[-1].headers['OpenStack-API-Version'], 'events': returned}


print(json.dumps([call(**each) for each in plan['calls']]))
