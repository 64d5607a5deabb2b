#!/usr/bin/python3
"""The asyncio program of this program's own name, on uvloop."""
import os
import runpy
import sys

import uvloop

uvloop.install()
folder = os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), "..", "asyncio")
sys.path.insert(0, folder)
runpy.run_path(os.path.join(folder, os.path.basename(sys.argv[0])), run_name="__main__")
