#!/usr/bin/env bash
# limit 120
# Where the system gives no guard pages, tasks run without them, and one report says so.
# once
set -u
PATH=$TELAR_BUILD/tests:$PATH

said=$(hard_noguard "$TELAR_BUILD/tests/run_stack" stacks_are_apart_and_serve_again 2>&1)
code=$?
[ $code != 77 ] || { echo "$said"; exit 77; }
[ $code = 0 ] || { echo "ends with $code: $said"; exit 1; }
[ "$(grep -c 'refuses guard pages' <<<"$said")" = 1 ] || { echo "it says: $said"; exit 1; }
