#!/usr/bin/env python3
# Every example is one file that compiles alone, as a newcomer would do it: cc x.c with the library,
# no other flag needed, without a warning even when asked for them.
# once
# limit 400
import os, shutil, subprocess, sys, tempfile
from concurrent.futures import ThreadPoolExecutor

build, source = os.environ['TELAR_BUILD'], os.environ['TELAR_SRC']
cc = os.environ.get('CC', 'cc')


def alone(file):
    with tempfile.TemporaryDirectory() as folder:
        for needed in [file, *headers]:
            shutil.copy(os.path.join(source, 'examples', needed), folder)
        p = subprocess.run([cc, '-Wall', '-Wextra', '-Werror', file, '-o', 'program',
                            '-I', os.path.join(source, 'include'), os.path.join(build, 'libtelar.so')],
                           cwd=folder, capture_output=True, text=True)
    return p.stderr


there = sorted(os.listdir(os.path.join(source, 'examples')))
files, headers = ([f for f in there if f.endswith(end)] for end in ('.c', '.h'))
with ThreadPoolExecutor(2) as pool:
    wrong = [error for error in pool.map(alone, files) if error]
if wrong or not files:
    sys.exit('\n'.join(wrong) or 'no examples')
