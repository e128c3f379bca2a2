#!/usr/bin/env bash
# Runs a command in every module of the repository, to the end, and fails if it
# failed in any:
#
#	scripts/each-module.sh go mod tidy
set -euo pipefail
if [ $# -eq 0 ]; then
	echo "usage: scripts/each-module.sh COMMAND [ARGUMENT...]" >&2
	exit 2
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."

failed=()
for dir in $(scripts/modules.sh); do
	echo "== $dir" >&2
	(cd "$dir" && "$@") || failed+=("$dir")
done
if [ ${#failed[@]} -gt 0 ]; then
	echo "failed in: ${failed[*]}" >&2
	exit 1
fi
