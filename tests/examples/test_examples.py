#!/usr/bin/env python3
# Every program in examples/ runs and prints what its source promises; order only where it is
# promised.  EXAMPLES below is the one list: a program that is not in it fails the test.
# once
# limit 400
import os, re, subprocess, sys, tempfile
from concurrent.futures import ThreadPoolExecutor

BUILD = os.environ['TELAR_BUILD']
SOURCE = os.environ['TELAR_SRC']


class Wrong(Exception):
    pass


class Late(Exception):
    """Nothing wrong, but the machine held it up so long that nothing was shown: to be run again."""


def run(name, *args, status=0, errors=''):
    """The lines that a program prints in an empty folder; errors: what it must say on stderr."""
    with tempfile.TemporaryDirectory() as folder:
        p = subprocess.run([os.path.join(BUILD, 'examples', name), *args], cwd=folder,
                           capture_output=True, text=True, timeout=25)
    if p.returncode != status or not re.fullmatch(errors, p.stderr):
        raise Wrong(f'status {p.returncode}, printed {p.stdout!r}, stderr {p.stderr!r}')
    return p.stdout.splitlines()


# -- what may be asked of the lines ----------------------------------------------------------------


def same(got, wanted):
    if got != wanted:
        raise Wrong(f'got    {got}\nwanted {wanted}')


def exactly(*wanted):
    return lambda lines: same(lines, list(wanted))


def matches(line, pattern):
    if not re.fullmatch(pattern, line):
        raise Wrong(f'{line!r} is not {pattern!r}')


def any_order(*wanted):
    return lambda lines: same(sorted(lines), sorted(wanted))


def woven(answer):
    """All colours in their order, and how the scope ended; unless its deadline came too early."""
    def check(lines):
        wanted = [*WEAVE, f'the scope answers {answer}']
        cut = [*WEAVE[:len(lines) - 1], 'the scope answers ETIMEDOUT']
        if lines == cut != wanted:
            raise Late(lines)
        same(lines, wanted)
    return check


def use_cases(lines):
    """All that is done and found; unless the system that answers was too slow, or another program
    took the address where nobody should listen."""
    wanted = [*(f'Descarga {i}: 65536 bytes' for i in (1, 2, 3)),
              'Documento grande guardado: 4194304 bytes',
              'Otro documento editado mientras tanto: sí', "Búsqueda de 'hilo': 3",
              "Búsqueda de 'espera': 2", "Búsqueda de 'proceso': 0", 'Sistema A: funciona',
              'Sistema B: ECONNREFUSED', 'Sistema C: ETIMEDOUT']
    if 'Sistema A: ETIMEDOUT' in lines or 'Sistema B: ECONNREFUSED' not in lines:
        raise Late(lines)
    same(sorted(lines), sorted(wanted))


def rates(lines):
    """A pipe and a queue, each with one writer and with two: no message is torn."""
    same([re.sub(r' \d+ mensajes/s', ' N mensajes/s', l) for l in lines],
         [f'{way}, {n}: N mensajes/s, 0 rotos' for way in ('tubería', 'cola') for n in (1, 2)])


def daemon(lines):
    """The writer writes all of its ten; its watcher is cut short, and skips none."""
    writer = [l for l in lines if l.startswith('escribir')]
    watcher = [l for l in lines if l.startswith('chequear')]
    same(writer, [f'escribir {i}' for i in range(1, 11)])
    same([l.split()[1] for l in watcher], [str(i) for i in range(1, len(watcher) + 1)])
    same(sorted(lines), sorted(writer + watcher))
    if len(watcher) in (0, 100):
        raise Late(f'the watcher came to {len(watcher)}')


def daemon_joined(lines):
    """Main waits for the watcher: it comes to 100, and only then is said not to be alive."""
    same([l for l in lines if l.startswith('escribir')], [f'escribir {i}' for i in range(1, 11)])
    watcher = [' '.join(l.split()[:2]) for l in lines if not l.startswith('escribir')]
    same(watcher, [*(f'chequear {i}' for i in range(1, 101)), 'False'])


def snooze(lines):
    """All ten sleep and wake, each in this order; they are not one after another."""
    asleep = [f'Hilo {i} durmiendo 5 segundos' for i in range(10)]
    awake = [f'Hilo {i} despierto' for i in range(10)]
    same(sorted(lines), sorted(asleep + awake))
    for before, after in zip(asleep, awake):
        if lines.index(before) > lines.index(after):
            raise Wrong(f'{after} comes first: {lines}')
    if lines[1] in awake:
        raise Late(f'one after another: {lines}')


def snooze_in_processes(lines):
    """Each sleeps, then wakes; what a process prints leaves it when its buffer does."""
    same(sorted(lines), sorted(f'Proceso {i} {what}' for i in range(10)
                               for what in ('durmiendo 5 segundos', 'despierto')))
    for i in range(10):
        if lines.index(f'Proceso {i} durmiendo 5 segundos') > lines.index(f'Proceso {i} despierto'):
            raise Wrong(f'{i} wakes first: {lines}')


def snooze_mixed(lines):
    """Two processes of five threads: both have the numbers 0 to 4."""
    same(sorted(lines), sorted(2 * [f'Hilo {i} {what}' for i in range(5)
                                    for what in ('durmiendo 5 segundos', 'despierto')]))


def process_info(lines):
    """Three processes, no two the same, all started by the program."""
    same(lines[:2], ['Iniciamos los procesos', 'Nombre del módulo: __main__'])
    matches(lines[2], r'Proceso padre: \d+')
    own = lines[3].removeprefix('ID del proceso ')
    tasks = [re.fullmatch(r'Tarea (\d): proceso (\d+), iniciado por (\d+)', l) for l in lines[4:7]]
    if not all(tasks):
        raise Wrong(f'no three tasks: {lines}')
    same(sorted(m[1] for m in tasks), ['1', '2', '3'])
    same({m[3] for m in tasks}, {own})
    same(len({m[2] for m in tasks} - {own}), 3)
    same(lines[7:], ['Los subprocesos han finalizado...'])


def two_at_a_time(lines):
    """All ten sleep and wake, in the order of their turns; never more than two sleep, and two do."""
    asleep, most = set(), 0
    for line in lines:
        n = line.split()[1]
        if 'durmiendo' in line:
            asleep.add(n)
            most = max(most, len(asleep))
        else:
            asleep.remove(n)
    same(sorted(l for l in lines if 'despierto' in l), [f'Hilo {i} despierto' for i in range(10)])
    if asleep or most > 2:
        raise Wrong(f'{most} slept at once: {lines}')
    if most < 2:
        raise Late(f'one after another: {lines}')


def daemons_listed(lines):
    """A line for each of the ten, which says what it is, and what each of them counts, in order."""
    told = [re.fullmatch(r'Nombre:  Thread-(\d+) Id:  (\d+) Sistema:  (\d+) Demonio:  True '
                         r'Activo:  (\d+)', l) for l in lines if l.startswith('Nombre')]
    same(all(told), True)
    same(sorted(int(t[1]) for t in told), [*range(1, 11)])
    same([len({t[k] for t in told}) for k in (2, 3)], [10, 10])
    left = [int(t[4]) for t in told]
    same((left, 1 <= left[-1] <= left[0] <= 11), (sorted(left, reverse=True), True))
    ids = {t[1]: t[2] for t in told}
    for i in ids:
        same([l for l in lines if l.startswith(i + ' ')], [f'{i} {ids[i]} {n}' for n in range(1, 11)])
    same(len(lines), 110)


def named(lines):
    """Each tells its own name; the one that does not sleep is not waited for by the others."""
    worker = ['Iniciando...', 'En pausa...', 'Finalizando...']
    for name, steps in ('Worker', worker), ('Thread-1', worker), ('Servicio', worker[::2]):
        same([l for l in lines if l.startswith(name)], [f'{name} {step}' for step in steps])
    same(len(lines), 8)


def priority(lines):
    """The nicer one gets far less of the processor, if we are not as nice; the third may be
    refused."""
    shares = [re.fullmatch(fr'Prioridad {p} \(nice {n}\): (\d+) % del procesador', l)
              for (p, n), l in zip((('normal', os.nice(0)), ('baja', 19)), lines)]
    same((all(shares), len(lines)), (True, 3))
    normal, low = (int(s[1]) for s in shares)
    same(99 <= normal + low <= 101, True)
    matches(lines[2], r'Prioridad alta \(nice -5\): (OK|EPERM)')
    if low > 25 and os.nice(0) < 10: # one of them had to wait for others than the other
        raise Late(f'shares: {lines}')


def lifecycle(lines):
    """Every state that is looked for is seen, of the task also those before it ran."""
    states = ['Creado', 'Listo', 'En ejecución', 'Ejecutable', 'Bloqueado por sleep()',
              'Bloqueado por wait()', 'Muerto']
    seen = {kind: [s for k, _, s in (l.partition(': ') for l in lines) if k == kind]
            for kind in ('Task-1', 'Thread-1')}
    told = [f'{s}, is_alive() = {s != "Muerto"}' for s in states]
    same(seen, {'Task-1': told, 'Thread-1': [told[0], told[2], *told[4:]]})
    same(len(lines), len(seen['Task-1']) + len(seen['Thread-1']))


def receipts_in_turn(lines):
    """Each student's four steps, one student after another."""
    steps = ['El estudiante adjunta su comprobante de pago', 'El sistema valida el comprobante',
             'El sistema sube el comprobante (código bloqueante)',
             'El sistema envía notificación del pago registrado']
    same(lines[:-2], [f'Alumno {i}: {step}' for i in (1, 2) for step in steps])
    matches(lines[-2], r'2 alumnos, uno tras otro: \d\.\d\d s cada uno, \d\.\d\d s en total')
    matches(lines[-1], r'3000 alumnos a la vez: el último espera \d+ s \(\d+\.\d horas\)')


def receipts(lines):
    """A row per way, which says what it did; tasks of one loop never run two at once."""
    matches(lines[0], r'20 alumnos; validar ocupa el procesador \d+\.\d\d ms por comprobante')
    same(lines[1].split()[:4], ['forma', 'alumnos', 'tiempo', 'memoria'])
    row = r'{} +{} +\d+\.\d\d s +\d+\.\d MiB +{}'
    matches(lines[2], row.format('secuencial', 3, 1) + r'   sólo 3: los 20, uno tras otro, serían .*')
    matches(lines[3], row.format('hilos', 20, r'\d+'))
    matches(lines[4], row.format('procesos', 20, r'\d+'))
    matches(lines[5], row.format('tareas', 20, 1))
    same(len(lines), 6)


def timer(lines):
    """The time twice, at least a second and a half apart; and who was cancelled never comes."""
    told = [re.fullmatch(text + r' (\d\d):(\d\d):(\d\d)', line)
            for text, line in zip(('Lanzamos el hilo en:', 'Se ejecuta en:'), lines)]
    if not all(told):
        raise Wrong(f'no clock: {lines}')
    began, ran = (int(m[1]) * 3600 + int(m[2]) * 60 + int(m[3]) for m in told)
    if not 1 <= (ran - began) % 86400 < 43200:
        raise Wrong(f'too early: {lines}')
    same(lines[2:], ['Hola mundo!', 'Medio segundo'])


# -- the list: program, arguments, and what becomes of its lines ------------------------------------
# By name.  A line per way of running it; a check is a function of the lines that raises Wrong.

WEAVE = [f'task weaves {c}' for c in ('rojo', 'azul', 'verde', 'blanco')]

EXAMPLES = [
    ('async_gather', '--scale 0.05', exactly(
        'Task A: Compute factorial(2)...', 'Task B: Compute factorial(2)...',
        'Task C: Compute factorial(2)...', 'Task A: factorial(2) = 2',
        'Task B: Compute factorial(3)...', 'Task C: Compute factorial(3)...',
        'Task B: factorial(3) = 6', 'Task C: Compute factorial(4)...',
        'Task C: factorial(4) = 24', 'timeout!')),
    ('bridge_callbacks', '', exactly(
        'Futuro: tres tareas de un hilo, y sus respuestas 20, 40 y 60',
        'Futuro: una sola pregunta, que la biblioteca no contesta: ETIMEDOUT',
        'Descriptor: 1048576 bytes de ida, 1048576 de vuelta',
        'Evento: los 3 trabajos están hechos, y suman 12',
        "Transporte: 'Hola, mundo' va por debajo como 'Ubyn, zhaqb' y vuelve como 'Hola, mundo'")),
    ('daemon', '--scale 0.1', daemon),
    ('daemon_join', '--scale 0.01', daemon_joined),
    ('daemons_enumerate', '', daemons_listed),
    ('generator_grep', '', exactly('Buscando cadena python', 'python', 'Cerrando')),
    ('generator_next', '', exactly(
        *map(str, range(10)), 'fin: EPIPE', 'Hola', 'python', 'Alguien ha llamado a close()')),
    ('generator_pipeline', '', exactly(
        '1: python es un lenguaje', '2: se llama python', 'empujadas: 2',
        '1: python es un lenguaje', '2: se llama python', 'tiradas: 2')),
    ('hello', '', woven('OK')),
    ('hello', 'slow', woven('ETIMEDOUT')),
    ('lifecycle', '', lifecycle),
    ('logging_threads', '--scale 0.01', exactly(
        '[DEBUG] - Worker     : Iniciando...', '[DEBUG] - Worker     : Finalizando...')),
    ('loop_embedded', '', any_order(
        'download: 5120 bytes, 100%', 'heavy: 17984 primes below 200000',
        'window: the clock went on, and there were frames all the while')),
    ('manager', '', exactly("{1: '1', '2': 2, 0.25: None}", '[9, 8, 7, 6, 5, 4, 3, 2, 1, 0]')),
    ('manager_types', '', exactly(
        '  release: EOVERFLOW', 'list             [1]', "dict             {'x': 0.25}",
        'Namespace        Namespace(x=0.25)', 'Lock             <unlocked Lock>',
        'RLock            <unlocked RLock>', 'Semaphore        Semaphore(1)',
        'BoundedSemaphore BoundedSemaphore(2)', 'Condition        <unlocked Condition>',
        'Event            <set Event>', 'Barrier          Barrier(2)', "Queue            Queue(['x'])",
        "Value            Value('i', 42)", "Array            array('d', [0.0, 0.0, 7.0])")),
    ('pool_download', 'http://127.0.0.1:1/nada http://127.0.0.1:1/otra', any_order(
        'downloading:  http://127.0.0.1:1/nada', 'http://127.0.0.1:1/nada ECONNREFUSED',
        'downloading:  http://127.0.0.1:1/otra', 'http://127.0.0.1:1/otra ECONNREFUSED')),
    ('process_hello', '', exactly('Hello, world!')),
    ('process_info', '', process_info),
    ('process_lock', '', any_order(*(f'hello world {i}' for i in range(10)))),
    ('process_pipe', '', any_order(
        "el padre recibe: [42, None, 'hello']", 'el hijo recibe: gracias', 'y al final: EPIPE',
        'al revés: ENOTSUP')),
    ('shared_value_array', '', exactly('3.1415927', '[0, -1, -2, -3, -4, -5, -6, -7, -8, -9]')),
    ('shared_types', '', exactly(
        'b 1 [-128, 127]', 'B 1 [0, 255]', "c 1 ['a', 'z']", '? 1 [0, 1]', 'h 2 [-32768, 32767]',
        'H 2 [0, 65535]', 'i 4 [-2147483648, 2147483647]', 'I 4 [0, 4294967295]',
        'l 8 [-9223372036854775808, 9223372036854775807]', 'L 8 [0, 18446744073709551615]',
        'q 8 [-9223372036854775808, 9223372036854775807]', 'Q 8 [0, 18446744073709551615]',
        'f 4 [1.17549e-38, 3.40282e+38]', 'd 8 [2.22507e-308, 1.79769e+308]', 'i 4 [4, 25, 64]',
        '(1.875, -6.25), (-5.75, 2), (2.375, 9.5)', 'con candado 4000, sin candado 4000')),
    ('process_queue', '', exactly("[42, None, 'hello']")),
    ('pipe_or_queue', '', rates),
    ('queue_objects', '', exactly(
        'Estoy en el proceso Process-1 y me pasan estos datos: Cacahuete', 'Ya he acabado')),
    ('receipts_async', '--scale 0.02 --students 20', receipts),
    ('receipts_sync', '--scale 0.01 --students 2', receipts_in_turn),
    ('snooze_pool', '--scale 0.02', two_at_a_time),
    ('snooze_pool', '--scale 0.02 --processes', two_at_a_time),
    ('snooze_mixed', '--scale 0.01', snooze_mixed),
    ('snooze_processes', '--scale 0.01', snooze_in_processes),
    ('snooze_threads', '--scale 0.1', snooze),
    ('thread_subclass', '', exactly(
        'Ejecutando el hilo principal...', *(f' Ejecutando el hilo:  {i}' for i in range(3)))),
    ('threads_args', '', any_order(*(f'Alumno {i} adjuntando comprobante....' for i in (1, 2, 3)))),
    ('threads_daemon_flag', '', exactly(
        'creado: Demonio: False', 'cambiado: Demonio: True', 'iniciado: EBUSY',
        'iniciado: Demonio: True', 'trabajar ha terminado', 'hijo termina con el demonio')),
    ('threads_kwargs', '--scale 0.01', any_order(
        'Alumno 1 adjuntando recibo.pdf por 45.50....',
        'Alumno 2 adjuntando comprobante por 12.00....')),
    ('threads_names', '--scale 0.05', named),
    ('threads_priority', '--scale 0.2', priority),
    ('threads_target', '', exactly(*['Alumno adjuntando comprobante...'] * 3)),
    ('use_cases', '--scale 0.5', use_cases),
    ('timer', '--scale 0.3', timer),
    ('timer_repeating', '--scale 0.01', exactly(*'123456789')),
]

# -- all of them -----------------------------------------------------------------------------------


def one(case):
    name, args, check = case
    try:
        for last in [False] * 19 + [True]:
            try:
                return check(run(name, *args.split()))
            except Late as late:
                if last:
                    return f'{name} {args}: {late}, twenty times'
    except (Wrong, OSError, subprocess.TimeoutExpired) as error:
        return f'{name} {args}: {error}'


def usage(name):
    """Arguments that make no sense: a line that says what does, and exit 2; nothing was run."""
    try:
        for args in ('--nonsense',), ('--scale',), ('--scale', 'x'):
            same(run(name, *args, status=2, errors=r'usage: .*\n'), [])
    except (Wrong, OSError, subprocess.TimeoutExpired) as error:
        return f'{name} with arguments that make no sense: {error}'


def text(name):
    return open(os.path.join(SOURCE, 'examples', name + '.c')).read()


names = {f[:-2] for f in os.listdir(os.path.join(SOURCE, 'examples')) if f.endswith('.c')}
wrong = [f'{n}: not in the list EXAMPLES' for n in sorted(names - {n for n, _, _ in EXAMPLES})]
with ThreadPoolExecutor(4) as pool:
    wrong += filter(None, pool.map(one, EXAMPLES))
    wrong += filter(None, pool.map(usage, sorted(n for n in names if '--scale' in text(n))))
if wrong:
    sys.exit('\n'.join(wrong))
