#!/usr/bin/env bash
# limit 120
# once
# The floors of the house hold: includes, symbols, conditions, lengths.
exec "$TELAR_SRC/tools/floors.py" --build "$TELAR_BUILD" "$TELAR_SRC"
