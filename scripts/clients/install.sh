#!/usr/bin/env bash
# Installs the programs that examples in other languages are tested with, on Debian and
# its kin, as root: curl, Python, Node and a browser, as far as they come in time.
#
#	scripts/clients/install.sh
#
# Elsewhere, and without the network, it says what is missing; those tests are then
# skipped, by name.
set -euo pipefail

missing=()

# want PACKAGE PROGRAM... asks for a package unless one of the programs is there.
want() {
	local package=$1
	shift
	command -v "$@" >/dev/null || missing+=("$package")
}

want curl curl
want python3 python3
want nodejs node
want chromium chromium chromium-browser google-chrome
[ ${#missing[@]} -gt 0 ] || exit 0
if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
	echo "not installed: ${missing[*]}" >&2
	exit 1
fi

export DEBIAN_FRONTEND=noninteractive
install=(apt-get install -qy --no-install-recommends -o DPkg::Lock::Timeout=20)
timeout 20s apt-get update -q >/dev/null || true # older lists may do

# The small ones come first. What is slow is the network: a package that has not come in
# time is given up before anything of it is unpacked.
failed=()
for package in "${missing[@]}"; do
	if ! timeout 45s "${install[@]}" --download-only "$package" >/dev/null ||
		! "${install[@]}" --no-download "$package" >/dev/null; then
		failed+=("$package")
	fi
done
if [ ${#failed[@]} -gt 0 ]; then
	echo "not installed: ${failed[*]}" >&2
	exit 1
fi
