#!/usr/bin/env bash
# long
# once
# limit 600
# The parsers of what strangers send: new cases for a minute each.
exec bash "$TELAR_SRC/tests/fuzz/fuzz.sh" -max_total_time=60
