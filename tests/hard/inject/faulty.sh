#!/bin/sh
# faulty.sh LIBRARY INJECTOR RESULT: a copy of the library in which each NAME that INJECTOR has an
# as_NAME for is called by that name.
set -eu
nm -g "$2" | sed -n 's/.* T as_\(.*\)/\1 as_\1/p' >"$3.names"
objcopy --redefine-syms="$3.names" "$1" "$3"
