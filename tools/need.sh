#!/bin/sh
# Make sure that these Debian packages are installed:  tools/need.sh PACKAGE...
# As root, or with a sudo that asks nothing, what is missing is installed by name; else the one
# command that does it is printed, and we stop.
set -eu

if ! command -v dpkg-query >/dev/null; then
	echo "need.sh: not a Debian system; please provide what these packages hold: $*" >&2
	exit 0
fi

missing=
for package; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
	as_root='env'
elif sudo -n true 2>/dev/null; then
	as_root='sudo -n env'
else
	echo "Packages are missing.  This installs them:" >&2
	echo "    sudo apt-get update && sudo apt-get install -y$missing" >&2
	exit 1
fi

# Another apt may hold the lock; a mirror may hiccup.
# shellcheck disable=SC2086 # the names are words
for try in 1 2 3 4 5; do
	if $as_root apt-get -o DPkg::Lock::Timeout=120 -qq update >&2 &&
		$as_root DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
			-qq install -y --no-install-recommends $missing >&2; then
		exit 0
	fi
	echo "need.sh: try $try to install$missing failed" >&2
	sleep 5
done
exit 1
