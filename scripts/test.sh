#!/usr/bin/env bash
# What "make test" runs: the checks that need no linter, then the tests of every
# module under the race detector. Arguments go to go test. It needs Go alone; it
# wants a C compiler, without which Go has no race detector.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/testsummary" ./scripts/testsummary

modules=() patterns=() failed=()
while read -r dir; do
	modules+=("$dir") patterns+=("$dir/...")
done < <(scripts/modules.sh)

# check NAME COMMAND... runs a check and remembers it if it fails.
check() {
	local name=$1 start=$SECONDS
	shift
	if "$@" >"$work/out" 2>&1; then
		echo "ok    $name  $((SECONDS - start))s"
	else
		echo "FAIL  $name  $((SECONDS - start))s"
		sed 's/^/      /' "$work/out"
		failed+=("$name")
	fi
}

formatted() {
	local files
	files=$("$(go env GOROOT)/bin/gofmt" -l .) || return
	if [ -n "$files" ]; then
		echo "not formatted, run make fmt:"
		echo "$files"
		return 1
	fi
}

# Users get each module alone, without go.work.
stands_alone() (
	cd "$1" || exit
	export GOWORK=off
	go build -o /dev/null ./... || exit
	[ -n "$(go list ./...)" ] || exit 0 # no package in it yet
	go vet ./...
)

# rpcx switches features on with build tags. The line that its users have in their
# scripts must go on working here, where it changes nothing.
tags_change_nothing() {
	local tags='reuseport quic kcp zookeeper etcd consul redis ping utp'
	local format='{{.ImportPath}} {{.GoFiles}}' without with
	without=$(go list -f "$format" "${patterns[@]}") || return
	with=$(go list -tags "$tags" -f "$format" "${patterns[@]}") || return
	if [ "$with" != "$without" ]; then
		echo "a file is built or left out by one of these tags: $tags"
		return 1
	fi
	# Real rpcx, which these modules contain, does change with them.
	local mine
	mine=$(printf '%s\n' "${patterns[@]}" | grep -vE '^\./(interop|benchmark)/') || return
	# shellcheck disable=SC2086 # one pattern per word
	go build -o /dev/null -tags "$tags" $mine
}

check "gofmt" formatted
for dir in "${modules[@]}"; do
	check "build and vet $dir alone" stands_alone "$dir"
done
check "rpcx's build tags change nothing" tags_change_nothing

race=(-race)
export GORACE=${GORACE:-atexit_sleep_ms=100} # not a second per package
if ! go build -race -o "$work/probe" ./scripts/testsummary 2>"$work/out"; then
	race=()
	echo
	echo "!!!!! NO RACE DETECTOR: Go cannot build with -race here, so DATA RACES ARE NOT LOOKED FOR."
	echo "!!!!! It needs a C compiler and its headers (Debian: apt-get install gcc libc6-dev). Go says:"
	sed 's/^/!!!!! /' "$work/out"
	echo
fi

# Real rpcx and other frameworks have data races of their own, and interop and benchmark
# run them in the same process: there the race detector would report those.
ours=() foreign=()
for pattern in "${patterns[@]}"; do
	case $pattern in
	*interop/... | *benchmark/...) foreign+=("$pattern") ;;
	*) ours+=("$pattern") ;;
	esac
done
echo "interop and benchmark are tested without the race detector: what they run beside us has data races of its own"
(
	set +e # testsummary tells what failed
	go test -json "${race[@]}" "$@" "${ours[@]}"
	go test -json "$@" "${foreign[@]}"
) | "$work/testsummary" "${failed[@]}"
