#!/usr/bin/env python3
# limit 120
# The README's program compiles as it stands, without a warning, and runs; also one that looks for
# leaks, beside a library that does not.
# once
import os, subprocess, sys, tempfile

build, source = os.environ['TELAR_BUILD'], os.environ['TELAR_SRC']
readme = open(os.path.join(source, 'README.md')).read()
with tempfile.TemporaryDirectory() as folder:
    with open(os.path.join(folder, 'readme.c'), 'w') as f:
        f.write(readme.split('```c program\n')[1].split('```')[0])
    exe = os.path.join(folder, 'readme')
    for more in [], ['-fsanitize=address']:
        subprocess.run([os.environ.get('CC', 'cc'), '-std=c17', '-Wall', '-Wextra', '-Werror', *more,
                        '-I', os.path.join(source, 'include'), f.name, '-o', exe,
                        os.path.join(build, 'libtelar.so'), f'-Wl,-rpath,{build}'], check=True)
        out = subprocess.run([exe], capture_output=True, text=True, timeout=60, check=True).stdout
    if sorted(l.split()[2] for l in out.splitlines()) != ['azul', 'rojo']:
        sys.exit(f'README: printed {out!r}')
