#!/usr/bin/env bash
# Runs every fuzz target of every module, each for the time given (default 30s).
# An input that fails is written to the package's testdata/fuzz: commit it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
fuzztime=${1:-30s}

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# fuzz DIR TARGET succeeds if no failing input was found.
fuzz() {
	go test -run '^$' -fuzz "^$2\$" -fuzztime "$fuzztime" "$1" >"$log" 2>&1 && return
	# Up to Go 1.26 the end of the time itself is sometimes reported as a failure
	# (go.dev/issue/75804), with these words and nothing else.
	grep -q '^    context deadline exceeded$' "$log" && ! grep -q 'Failing input written to\|panic:' "$log"
}

# Nested modules are found on the way, since go.work has them all.
targets=$(grep -rE --include='*_test.go' --exclude-dir=testdata --exclude-dir='.?*' -o '^func Fuzz[A-Za-z0-9_]+' . |
	sed -E 's|/[^/]*:func (.*)| \1|' | LC_ALL=C sort) || true
if [ -z "$targets" ]; then
	echo "there is no fuzz target: nothing was fuzzed" >&2
	exit 1
fi

failed=0
while read -r package target; do
	if fuzz "$package" "$target"; then
		echo "ok    $package $target  $(grep -o 'execs: [0-9]*' "$log" | tail -n 1)"
	else
		echo "FAIL  $package $target"
		sed 's/^/      /' "$log"
		failed=1
	fi
done <<<"$targets"
exit $failed
