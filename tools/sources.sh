#!/bin/sh
# The source files of one part of the house, one per line, sorted: what meson.build builds.
#   tools/sources.sh floor wait | tests | cxx | scripts | examples | bench | app NAME | headers | all
# Folders may be empty or missing.  meson asks when it configures; tools/build.sh asks every time
# and configures again when the answer has changed.
set -eu
cd "$(dirname "$0")/.."

list() {
	for file; do
		if [ -f "$file" ]; then echo "$file"; fi
	done | LC_ALL=C sort
}

case $1 in
floor) list "src/$2"/*.c "src/$2"/*.S ;;
tests) list tests/*/*.c ;;
cxx) list tests/*/*.cc ;;
scripts) list tests/*/test_*.py tests/*/test_*.sh ;;
examples) list examples/*.c ;;
bench) list bench/*.c ;;
headers) list include/telar/*.h ;;
app) list "apps/$2"/*.c ;;
all) list src/*/*.c src/*/*.S tests/*/*.c tests/*/*.cc tests/*/test_*.py tests/*/test_*.sh \
	examples/*.c bench/*.c apps/*/*.c ;;
*) echo "sources.sh: unknown part '$1'" >&2 && exit 2 ;;
esac
