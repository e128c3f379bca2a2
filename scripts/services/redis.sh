#!/usr/bin/env bash
# Runs a Redis server for tests in the foreground, until it is killed:
#
#	scripts/services/redis.sh FOLDER
#
# It listens on the Unix socket FOLDER/redis.sock alone, so that any number of them
# run side by side and none can be reached from outside, and keeps nothing. It fails
# with 127 where redis-server is not installed (Debian: redis-server).
set -euo pipefail
if [ $# -ne 1 ]; then
	echo "usage: scripts/services/redis.sh FOLDER" >&2
	exit 2
fi
exec redis-server --port 0 --unixsocket "$1/redis.sock" --dir "$1" --save '' --appendonly no
