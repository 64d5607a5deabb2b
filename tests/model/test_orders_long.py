#!/usr/bin/env python3
# once
# long
# limit 1800
"""test_orders.py with the large scenarios, and with the orders of ORDERS.md as weak as it says."""

import sys

sys.dont_write_bytecode = True
import test_orders  # noqa: E402

sys.exit(test_orders.main(["--long"]))
