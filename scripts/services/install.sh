#!/usr/bin/env bash
# Installs what the tests against real servers need, on Debian and its kin, as root:
#
#	scripts/services/install.sh
#
# Elsewhere it says what is missing; those tests are then skipped, by name.
set -euo pipefail

missing=()
command -v redis-server >/dev/null || missing+=(redis-server)
[ ${#missing[@]} -gt 0 ] || exit 0
if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
	echo "not installed: ${missing[*]}" >&2
	exit 1
fi

# Debian starts a server when its package is installed; this forbids it.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	trap 'rm -f $policy' EXIT
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod +x $policy
fi
apt-get update -q >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}" >/dev/null
