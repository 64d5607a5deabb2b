#!/usr/bin/env python3
"""Run the tests of one or more build folders.

    tests/run.py [--only PATTERN] [--long] [--jobs N] [LABEL[:WAY]=]BUILD ...

Each BUILD holds tests/tests.list, written by meson: the test programs (tests/check.h: they answer
--list) and the scripts tests/*/test_*.{py,sh}.  Every case runs in a process and session of its
own, in an empty folder of its own, under a time limit; what it leaves running is killed with it.
Exit 0 is passed, 77 skipped (the reason is its last line), anything else failed.  A script sees
TELAR_SRC and TELAR_BUILD, and says in comments at its top what is special about it:

    # long        only with --long             # once        only in the first BUILD
    # limit N     seconds instead of 20        # alone       nothing else runs beside it

A WAY runs what may come out differently that way: epoll and uring what waits for descriptors, under
TELAR_POLLER; noguard what runs tasks, under a kernel that refuses guard pages; yield the same and
more, in a build that yields whenever it may; races the library's own tests, under TSan; stalls the
same, while threads are stopped at any moment.  What is left to chance by that and by a build
(-Dhostile=yield) is decided by TELAR_SEED, which a run with failures names.

TELAR_TEST_LIMIT multiplies every limit.  The last line is `N passed, N failed, N skipped`; the
exit status is 1 if any failed or none passed.
"""

import argparse
import ctypes
import errno
import os
import random
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 20
SKIPPED = 77
POLLERS = r"plat/test_poller|run/test_(dead|embed|fork|list)|talk/test_select|wait/test_shared|io/|comprobantes/|kill/"
TASKS = r"run/test_(?!fork)|talk/|wait/|io/"
YIELDS = r"(base|plat|run|talk|wait|io|kit|kill)/|comprobantes/(?!test_service_(full|slow))"
RACES = r"(base|plat|run|talk|wait|io|kit)/"  # TSan does not see what processes do to each other
WAYS = {
    "epoll": POLLERS,
    "uring": POLLERS,
    "noguard": TASKS,
    "yield": YIELDS,
    "races": RACES,
    "stalls": r"(base|plat|run|talk|wait|io|kit|kill)/",
}
# Ways that wrap the command: in which program, and what cannot be run so, and why.
WRAPPERS = {
    "noguard": ("tests/hard_noguard", {
        r"run/test_crash .*|io/test_degraded told_once": "counts reports, and here is one more",
        r"run/test_gdb.py": "gdb itself does not run so",
    }),
    "stalls": ("tests/hard_stall", {
        r"run/test_zygote_stopped .*": "who traces decides what a stop is",
        r"run/test_deadlock a_process_may_wake_us": "looks for a sleep without a stop in it",
    }),
}  # fmt: skip
SEED = os.environ.get("TELAR_SEED") or str(random.randrange(1, 1 << 32))
TAIL = 40  # lines of a failed case's output that are shown


@dataclass
class Case:
    label: str  # the build's
    name: str
    command: list
    build: Path
    limit: float
    alone: bool = False
    verdict: str = ""
    detail: str = ""
    seconds: float = 0.0


class Running:
    """The process groups of this very moment, so that an interrupted run leaves nothing behind."""

    def __init__(self):
        self.lock = threading.Lock()
        self.groups = set()

    def add(self, pid):
        with self.lock:
            self.groups.add(pid)

    def end(self, pid):
        kill_group(pid)
        with self.lock:
            self.groups.discard(pid)

    def stop(self, signum, _frame):
        for pid in list(self.groups):
            kill_group(pid)
        os._exit(128 + signum)


running = Running()


def kill_group(pid):
    """End what is left of a case whose leader has not been waited for (so its number is its own)."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


# -- what there is to run ------------------------------------------------------------------------


def program_cases(label, build, name, program, slow, want_long):
    command = on_one_cpu([*program, "--list"], 0)
    try:
        answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return [Case(label, name, command, build, 0, verdict="failed", detail=str(error))]
    cases = []
    for line in answer.stdout.splitlines():
        case, limit, is_long = line.split("\t")
        if want_long or is_long == "0":
            seconds = (int(limit) or LIMIT) * slow
            command = on_one_cpu([*program, case], len(cases))
            cases.append(Case(label, f"{name} {case}", command, build, seconds))
    return cases


def on_one_cpu(command, turn):
    """A wrapper may say {cpu}: the processors take turns."""
    cpus = sorted(os.sched_getaffinity(0))
    return [word.replace("{cpu}", str(cpus[turn % len(cpus)])) for word in command]


def leave_out(cases, label, build, cannot):
    """Skip what this build's emulator cannot do; a pattern that fits no case is a mistake."""
    unused = set(cannot)
    for case in cases:
        for pattern, reason in cannot.items():
            if re.fullmatch(pattern, case.name):
                case.verdict, case.detail = "skipped", reason
                unused.discard(pattern)
    why = "is to be skipped, but there is no such case"
    return [Case(label, name, [], build, 0, verdict="failed", detail=why) for name in unused]


def script_marks(path):
    """The words of the comments at the top of a script."""
    marks = {}
    for line in path.read_text(errors="replace").splitlines()[:12]:
        found = re.fullmatch(r"#\s*(long|once|alone|limit)(?:\s+(\d+))?\s*", line)
        if found:
            marks[found[1]] = int(found[2] or 1)
    return marks


def script_cases(label, build, name, path, slow, want_long, first):
    marks = script_marks(path)
    if ("long" in marks and not want_long) or ("once" in marks and not first):
        return []
    command = [sys.executable if path.suffix == ".py" else "bash", str(path)]
    seconds = marks.get("limit", LIMIT) * slow
    return [Case(label, name, command, build, seconds, "alone" in marks)]


def find_cases(label, build, want_long, first):
    slow = float(os.environ.get("TELAR_TEST_LIMIT", "1"))
    wrapper = []
    cannot = {}  # by pattern of names: why
    cases = []
    for line in (build / "tests" / "tests.list").read_text().splitlines():
        kind, *rest = line.split("\t")
        if kind == "slow":
            slow *= float(rest[0])
        elif kind == "wrapper":
            wrapper.append(rest[0])
        elif kind == "cannot":
            cannot[rest[0]] = rest[1]
        elif kind == "program":
            program = [*wrapper, str(build / rest[1])]
            cases += program_cases(label, build, rest[0], program, slow, want_long)
        elif kind == "script":
            path = ROOT / rest[1]
            cases += script_cases(label, build, rest[0], path, slow, want_long, first)
    return cases + leave_out(cases, label, build, cannot)


def one_way(cases, way):
    """What is worth running that way, and how."""
    chosen = [case for case in cases if re.match(WAYS[way], case.name)]
    if way in WRAPPERS:
        program, cannot = WRAPPERS[way]
        for case in chosen:
            case.command = [str(case.build / program), *case.command]
        chosen += leave_out(chosen, way, None, cannot)
    return chosen


# -- running one ---------------------------------------------------------------------------------


def has_rings():
    """Does the kernel give io_uring (system call 425) to us?  In a container it often does not."""
    c = ctypes.CDLL(None, use_errno=True)
    c.syscall(425, 1, None)
    return ctypes.get_errno() not in (errno.ENOSYS, errno.EPERM)


RINGS = has_rings()


def environment(case, folder):
    way = case.label.partition(":")[2]
    # Where there is no ring none is wished for, so that no program has to say that it has none.
    poller = way if WAYS.get(way) is POLLERS else "" if RINGS else "epoll"
    return {
        **os.environ,
        **({"TELAR_POLLER": poller} if poller else {}),
        "TELAR_SEED": SEED,
        "TMPDIR": folder,
        "TELAR_SRC": str(ROOT),
        "TELAR_BUILD": str(case.build),
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "detect_stack_use_after_return=0"),
        "UBSAN_OPTIONS": os.environ.get("UBSAN_OPTIONS", "print_stacktrace=1"),
    }


def ends_within(pid, seconds):
    """Wait for a process without collecting it."""
    fd = os.pidfd_open(pid)
    try:
        return bool(select.select([fd], [], [], seconds)[0])
    finally:
        os.close(fd)


def where_it_hangs(pid):
    """One line per thread of a case that is about to be killed: name, state, kernel's wait."""
    lines = []
    for task in sorted(Path(f"/proc/{pid}/task").glob("*")):
        try:
            state = task.joinpath("stat").read_text().rpartition(")")[2].split()[0]
            comm = task.joinpath("comm").read_text().strip()
            wchan = task.joinpath("wchan").read_text().strip()
        except OSError:
            continue
        lines.append(f"thread {task.name} {comm}: state {state}, waits in {wchan}")
    return "\n".join(lines)


def run_case(case):
    began = monotonic()
    folder = tempfile.mkdtemp(prefix="telar-test-")
    work = Path(folder, "work")
    work.mkdir()
    with open(Path(folder, "output"), "w+b") as output:
        process = subprocess.Popen(
            case.command,
            cwd=work,
            env=environment(case, str(work)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        running.add(process.pid)
        hang = None if ends_within(process.pid, case.limit) else where_it_hangs(process.pid)
        running.end(process.pid)
        code = process.wait()
        output.seek(0)
        text = output.read().decode(errors="replace").rstrip()
    shutil.rmtree(folder, ignore_errors=True)
    case.seconds = monotonic() - began
    judge(case, code, text, hang)


def judge(case, code, text, hang):
    lines = text.splitlines()
    tail = "\n".join(lines[-TAIL:])
    if hang is not None:
        case.verdict = "failed"
        case.detail = f"no end after {case.limit:g} s\n{tail}\n{hang}"
    elif code == 0:
        case.verdict = "passed"
    elif code == SKIPPED:
        case.verdict = "skipped"
        case.detail = lines[-1] if lines else "no reason given"
    elif code < 0:
        case.verdict = "failed"
        case.detail = f"killed by {signal.Signals(-code).name}\n{tail}"
    else:
        case.verdict = "failed"
        case.detail = f"exit status {code}\n{tail}"


# -- all of them ---------------------------------------------------------------------------------


class Progress:
    """One line per failure and skip as they come, one per hundred cases between."""

    def __init__(self, total):
        self.lock = threading.Lock()
        self.total = total
        self.done = 0

    def tell(self, case):
        with self.lock:
            self.done += 1
            if case.verdict == "failed":
                head, _, rest = case.detail.partition("\n")
                print(f"FAIL {case.label}: {case.name}: {head}")
                print("".join(f"     | {line}\n" for line in rest.splitlines()), end="")
            elif case.verdict == "skipped":
                print(f"skip {case.label}: {case.name}: {case.detail}")
            if self.done % 100 == 0:
                print(f"     {self.done} of {self.total}")
            sys.stdout.flush()


def processors():
    """Those that this run is bound to; of their time a container may get only a part."""
    bound = len(os.sched_getaffinity(0))
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return min(bound, -(-int(quota) // int(period)))
    except (OSError, ValueError):  # no such file, or "max"
        return bound


def run_all(cases, jobs):
    progress = Progress(len(cases))

    def one(case):
        if not case.verdict:
            run_case(case)
        progress.tell(case)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, [case for case in cases if not case.alone]))
    for case in cases:
        if case.alone:
            one(case)


def summary(cases, jobs, seconds):
    slowest = max(cases, key=lambda case: case.seconds, default=None)
    if slowest:
        print(f"{len(cases)} cases in {seconds:.0f} s, {jobs} at a time; the slowest, ", end="")
        print(f"{slowest.label}: {slowest.name}, took {slowest.seconds:.1f} s")
    count = {verdict: 0 for verdict in ("passed", "failed", "skipped")}
    for case in cases:
        count[case.verdict] += 1
    if count["failed"]:
        print(f"chance was TELAR_SEED={SEED}")
    print(", ".join(f"{n} {verdict}" for verdict, n in count.items()), flush=True)
    return 1 if count["failed"] or not count["passed"] else 0


def set_signals():
    """What started us may ignore or block signals (nohup does, and a shell for a job beside it), and
    that would be the tests' too.  A handler, also one that does nothing, is not: they begin with the
    default.  Beside a SIGCHLD that is ignored every test would pass."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for signum in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:  # those are Python's
        if signal.getsignal(signum) == signal.SIG_IGN:
            signal.signal(signum, lambda *_: None)
        elif signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, running.stop)


def set_limits():
    """What is to crash need not leave a core of many megabytes each time; and there may be as many
    descriptors as a system usually gives."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    usual = 1024 if most == resource.RLIM_INFINITY else min(1024, most)
    if few != resource.RLIM_INFINITY and few < usual:
        resource.setrlimit(resource.RLIMIT_NOFILE, (usual, most))


def main():
    parser = argparse.ArgumentParser(description="run telar's tests")
    parser.add_argument("builds", nargs="+", metavar="[LABEL[:WAY]=]BUILD")
    parser.add_argument("--only", default="", help="a regular expression over label and name")
    parser.add_argument("--long", action="store_true", help="also those marked long")
    parser.add_argument("--jobs", type=int, default=processors())
    args = parser.parse_args()
    set_signals()
    set_limits()

    began = monotonic()
    cases = []
    for i, build in enumerate(args.builds):
        label, _, folder = build.rpartition("=")
        found = find_cases(label or Path(folder).name, Path(folder).resolve(), args.long, i == 0)
        if ":" in label:
            found = one_way(found, label.partition(":")[2])
        cases += [case for case in found if re.search(args.only, f"{case.label}: {case.name}")]
    run_all(cases, args.jobs)
    return summary(cases, args.jobs, monotonic() - began)


if __name__ == "__main__":
    sys.exit(main())
