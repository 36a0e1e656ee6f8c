#!/bin/sh
# Installs Debian packages so that none of their services is started. Run under a lock (install.ts); prints what apt says.
# usage: install.sh PACKAGE...
set -eu
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
lists=/run/lock/novacast-stand.updated

# The packages start their services when they are installed: not these. What was there before stays.
if [ ! -e $policy ]; then
  trap 'rm -f $policy' EXIT
  trap 'exit 1' HUP INT TERM
  printf '#!/bin/sh\n# of novacast test/stand, for as long as it installs\nexit 101\n' >$policy
  chmod +x $policy
fi
# Package lists are fetched once a day, whoever asks first.
if [ -z "$(find $lists -mtime -1 2>/dev/null)" ]; then
  apt-get -o DPkg::Lock::Timeout=600 -q update
  touch $lists
fi
apt-get -o DPkg::Lock::Timeout=600 -qy --no-install-recommends install "$@"
