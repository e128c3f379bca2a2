#!/usr/bin/env bash
# Builds one of the tools that internal/tools/go.mod pins, unless bin/ has that
# version already, and prints the path of the program:
#
#	scripts/tool.sh golangci-lint
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD

case ${1:-} in
golangci-lint) module=github.com/golangci/golangci-lint/v2 package=$module/cmd/golangci-lint ;;
staticcheck) module=honnef.co/go/tools package=$module/cmd/staticcheck ;;
gofumpt) module=mvdan.cc/gofumpt package=$module ;;
*)
	echo "usage: scripts/tool.sh golangci-lint|staticcheck|gofumpt" >&2
	exit 2
	;;
esac

cd internal/tools
version=$(awk -v module="$module" '$1 == module && $2 ~ /^v/ { print $2 }' go.mod)
program=$root/bin/$1-$version-$(go env GOVERSION)
if [ ! -x "$program" ]; then
	echo "building $1 $version, once" >&2
	rm -f "$root/bin/$1-"* # other versions
	GOWORK=off go build -trimpath -o "$program.new" "$package" >&2
	mv "$program.new" "$program"
fi
echo "$program"
