#!/usr/bin/env bash
# Bring one build folder up to date:  tools/build.sh FOLDER [MESON OPTION]... [-- TARGET...]
# Sets it up if it is new, configures again if the list of sources, of manual pages or of options has
# changed, then builds the targets (all by default), going on past a failure so that all are seen.
# CC and CXX count when it is set up.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$1
shift
options=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	options+=("$1")
	shift
done
[ $# -eq 0 ] || shift

mkdir -p "$folder"
stamp=$folder/telar.configured
now=$(echo "options: ${options[*]}" && tools/sources.sh all && tools/man.py --list .)
again=()
if grep -qs 'switched off' "$folder/setup.log"; then
	# The packages may be there now, but meson remembers what it did not find: begin afresh.
	rm -rf "$stamp" "$folder/build.ninja" "$folder/meson-private"
elif [ -f "$folder/build.ninja" ]; then
	again=(--reconfigure)
fi
if [ ! -f "$stamp" ] || [ "$now" != "$(cat "$stamp")" ]; then
	rm -f "$stamp"
	meson setup "${again[@]}" "$folder" "${options[@]}" >"$folder/setup.log" ||
		{ cat "$folder/setup.log" && exit 1; }
	echo "$now" >"$stamp"
fi
grep 'switched off' "$folder/setup.log" || true
ninja --quiet -C "$folder" -k 0 -j "$(nproc)" "$@" | sed '/no work to do/d'
