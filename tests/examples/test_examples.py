#!/usr/bin/env python3
# Each example runs and prints what its source promises; order only where it is promised.
# once
import os, subprocess, sys, tempfile

build = os.environ['TELAR_BUILD']

def run(name, *args, status=0):
    with tempfile.TemporaryDirectory() as folder:
        p = subprocess.run([os.path.join(build, 'examples', name), *args], cwd=folder,
                           capture_output=True, text=True, timeout=60)
    if p.returncode != status or p.stderr:
        sys.exit(f'{name} {args}: status {p.returncode}, stderr {p.stderr!r}')
    return p.stdout.splitlines()

def same(name, got, wanted):
    if got != wanted:
        sys.exit(f'{name}: got {got}\nwanted {wanted}')

weave = [f'task weaves {c}' for c in ('rojo', 'azul', 'verde', 'blanco')]
same('hello', run('hello'), weave + ['the scope answers OK'])
same('hello slow', run('hello', 'slow'), weave + ['the scope answers ETIMEDOUT'])

same('threads_args', sorted(run('threads_args')),
     [f'Alumno {i} adjuntando comprobante....' for i in (1, 2, 3)])

same('async_gather', run('async_gather', '--scale', '0.05'), [
    'Task A: Compute factorial(2)...', 'Task B: Compute factorial(2)...', 'Task C: Compute factorial(2)...',
    'Task A: factorial(2) = 2', 'Task B: Compute factorial(3)...', 'Task C: Compute factorial(3)...',
    'Task B: factorial(3) = 6', 'Task C: Compute factorial(4)...', 'Task C: factorial(4) = 24', 'timeout!'])

lines = run('daemon', '--scale', '0.01')
same('daemon, writer', [l for l in lines if l.startswith('escribir')], [f'escribir {i}' for i in range(1, 11)])
watch = [l for l in lines if l.startswith('chequear')]
same('daemon, watcher', [l.split()[1] for l in watch], [str(i) for i in range(1, len(watch) + 1)])
if not 0 < len(watch) < 100:
    sys.exit(f'daemon: the watcher came to {len(watch)}')

same('loop_embedded', sorted(run('loop_embedded')), [
    'download: 5120 bytes, 100%', 'heavy: 17984 primes below 200000',
    'window: the clock went on, and there were frames all the while'])

# The README's program compiles as it stands, without a warning, and runs; also one that looks for
# leaks, beside a library that does not.
readme = open(os.path.join(os.environ['TELAR_SRC'], 'README.md')).read()
with tempfile.TemporaryDirectory() as folder:
    with open(os.path.join(folder, 'readme.c'), 'w') as f:
        f.write(readme.split('```c\n')[1].split('```')[0])
    exe = os.path.join(folder, 'readme')
    for more in [], ['-fsanitize=address']:
        subprocess.run([os.environ.get('CC', 'cc'), '-std=c17', '-Wall', '-Wextra', '-Werror', *more,
                        '-I', os.path.join(os.environ['TELAR_SRC'], 'include'), f.name, '-o', exe,
                        os.path.join(build, 'libtelar.so'), f'-Wl,-rpath,{build}'], check=True)
        out = subprocess.run([exe], capture_output=True, text=True, timeout=60, check=True).stdout
    same('README', sorted(l.split()[2] for l in out.splitlines()), ['azul', 'rojo'])
