#!/usr/bin/env bash
# once
# limit 300
# The parsers of what strangers send: the known cases, and the same 20,000 more every time.
exec bash "$TELAR_SRC/tests/fuzz/fuzz.sh" -seed=1 -runs=20000
