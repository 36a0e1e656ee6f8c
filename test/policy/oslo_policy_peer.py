"""Answers policy questions as the real oslo.policy does: a list of cases in, a list of answers out, both JSON.

A case has rules (by name), the name of the rule to ask, creds and target. An answer is true, false, or "error" where oslo.policy
raises, which is an answer 500 of the service that uses it. Files in: what the real parser reads.
"""

import json
import logging
import sys

from oslo_config import cfg
from oslo_policy import policy

logging.disable(logging.CRITICAL)


@policy.register('is_admin')
class IsAdmin(policy.Check):
    """What nova/policy.py registers under this name."""

    def __call__(self, target, creds, enforcer):
        if creds['is_admin'] == 'error':
            raise ValueError('context_is_admin has no answer')
        return creds['is_admin'] == (self.match.lower() == 'true')


def is_admin(enforcer, target, creds):
    """What Nova finds out when it makes a context; here an error only counts where somebody asks."""
    try:
        return bool(enforcer.enforce('context_is_admin', target, creds))
    except Exception:
        return 'error'


def answer(enforcer, case):
    creds = dict(case['creds'])
    try:
        enforcer.set_rules(policy.Rules.from_dict(case['rules']))
        own = {'project_id': creds['project_id'], 'user_id': creds['user_id']}
        creds['is_admin'] = is_admin(enforcer, own, dict(creds, is_admin=None))
        return bool(enforcer.enforce(case['ask'], case['target'], creds))
    except Exception:
        return 'error'


def read(content):
    try:
        return {'rules': policy.parse_file_contents(content)}
    except Exception:
        return 'error'


def main():
    work = json.load(sys.stdin)
    conf = cfg.ConfigOpts()
    conf([], project='nova', default_config_files=[], default_config_dirs=[])
    enforcer = policy.Enforcer(conf, use_conf=False)
    json.dump(
        {
            'answers': [answer(enforcer, case) for case in work['cases']],
            'files': [read(content) for content in work['files']],
        },
        sys.stdout,
        default=str,
    )


main()
