#!/usr/bin/env bash
# Prints the folder of every Go module of the repository, the core first. The
# pinned tools are left out: they are nobody's code here. Folders that the go
# command passes over (testdata, vendor, names with a dot) are passed over too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

find . \( -name '.?*' -o -name testdata -o -name vendor -o -name node_modules -o -path ./internal/tools \) -prune \
	-o -name go.mod -print | sed 's|/go\.mod$||' | LC_ALL=C sort
