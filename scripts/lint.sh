#!/usr/bin/env bash
# What "make lint" runs: golangci-lint over every module. It is built first, which
# takes minutes; if that cannot be done within LINT_BUILD_TIMEOUT (default 10m),
# go vet and staticcheck must do, and this says so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if lint=$(timeout "${LINT_BUILD_TIMEOUT:-10m}" scripts/tool.sh golangci-lint); then
	run=("$lint" run --allow-parallel-runners --config "$PWD/.golangci.yml")
else
	echo "!!!!! NO golangci-lint: it could not be built, so MOST RULES OF .golangci.yml ARE NOT CHECKED." >&2
	if staticcheck=$(timeout 3m scripts/tool.sh staticcheck); then
		run=("$staticcheck" ./...)
	else
		echo "!!!!! NO staticcheck either: go vet alone." >&2
		run=(true)
	fi
fi

failed=()
for dir in $(scripts/modules.sh); do
	[ -n "$(go -C "$dir" list ./... 2>/dev/null)" ] || continue # no package in it yet
	echo "== $dir"
	(cd "$dir" && go vet ./... && "${run[@]}") || failed+=("$dir")
done
if [ ${#failed[@]} -gt 0 ]; then
	echo "lint failed in: ${failed[*]}" >&2
	exit 1
fi
