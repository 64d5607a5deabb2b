#!/usr/bin/env python3
# limit 120
# once
"""Every macro of the public headers is used in tests/api/test_cxx.cc, and so is compiled."""

import os
import re
import sys
from pathlib import Path

SOURCE = Path(os.environ["TELAR_SRC"])


def main():
    program = (SOURCE / "tests/api/test_cxx.cc").read_text()
    program = re.sub(r"/\*.*?\*/", " ", program, flags=re.DOTALL)
    defined = set()
    for header in SOURCE.glob("include/telar/*.h"):
        defined |= set(re.findall(r"^\s*#\s*define\s+(TL_\w+)", header.read_text(), re.MULTILINE))
    unused = {macro for macro in defined if not re.search(rf"\b{macro}\b", program)}
    for macro in sorted(unused):
        print(f"{macro} is in a public header, and not in tests/api/test_cxx.cc")
    if not defined:
        print("no macros found: the headers have changed their shape")
    return 1 if unused or not defined else 0


if __name__ == "__main__":
    sys.exit(main())
