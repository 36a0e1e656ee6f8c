"""Reads configuration files as the real oslo.config does: a list of cases in, a list of answers out, both JSON.

A case has the contents of files, variables of the environment and the options to read. An answer is "error" where the files are not understood, else for each
option its value, or {"error": ...} where reading it raises.
"""

import json
import logging
import os
import sys
import tempfile

from oslo_config import cfg

logging.disable(logging.CRITICAL)

TYPES = {
    'text': cfg.StrOpt,
    'multi': cfg.MultiStrOpt,
    'boolean': cfg.BoolOpt,
    'integer': lambda name, **rest: cfg.IntOpt(name, min=0, max=65535, **rest),
    'list': cfg.ListOpt,
}


def answer(case, paths):
    for path, content in zip(paths, case['files']):
        with open(path, 'w', encoding='utf-8', newline='') as file:
            file.write(content)
    conf = cfg.ConfigOpts()
    args = [arg for path, _ in zip(paths, case['files']) for arg in ('--config-file', path)]
    try:
        conf(args, project='nova', default_config_files=[], default_config_dirs=[])
    except Exception:
        return 'error'
    for option in case['options']:
        group = None if option['section'] == 'DEFAULT' else option['section']
        older = [cfg.DeprecatedOpt(each['name'], group=each['section']) for each in option['otherNames']]
        conf.register_opt(TYPES[option['type']](option['name'], deprecated_opts=older), group=group)
    os.environ.update(case['environment'])
    try:
        return [read(conf, option) for option in case['options']]
    finally:
        for name in case['environment']:
            del os.environ[name]


def read(conf, option):
    try:
        value = getattr(conf if option['section'] == 'DEFAULT' else conf[option['section']], option['name'])
        return {'value': value}
    except Exception as error:
        return {'error': type(error).__name__}


def main():
    work = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ('one.conf', 'two.conf', 'three.conf')]
        json.dump([answer(case, paths) for case in work], sys.stdout)


main()
