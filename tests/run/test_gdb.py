#!/usr/bin/env python3
# limit 120
"""tools/telar-gdb.py: gdb sees the strands of a stopped program and of a core, and unwinds those
that are parked, from the function that they wait in to the first frame of their stack."""

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

SOURCE = Path(os.environ["TELAR_SRC"], "tools", "telar-gdb.py")
SUBJECT = Path(os.environ["TELAR_BUILD"], "tests", "run_gdb_subject")


def skip(reason):
    print(reason)
    sys.exit(77)


def gdb(*commands, target):
    words = ["gdb", "-batch", "-nx"]
    # In a container gdb may not fix the addresses of a program, and says so as an error.
    for command in "set width 0", "set disable-randomization off", f"source {SOURCE}", *commands:
        words += ["-ex", command]
    env = {**os.environ, "LC_ALL": "C", "DEBUGINFOD_URLS": ""}
    done = subprocess.run([*words, *target], env=env, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout


def expect(condition, what, text):
    if not condition:
        print(f"{what}, in:\n{text}")
        sys.exit(1)


def traces(text):
    """The backtraces of `strand apply all bt`, by name of strand."""
    parts = re.split(r"^Strand \d+ \(\w+ '([^']*)', (\w+)\):\n", text, flags=re.MULTILINE)
    found = {}
    for i in range(1, len(parts), 3):
        found.setdefault(parts[i], parts[i + 2])
    return found


def functions(trace):
    """Frame numbers and functions, innermost first."""
    return re.findall(r"^#(\d+) +(?:0x[0-9a-f]+ in )?(\w+)", trace, flags=re.MULTILINE)


def check_parked(trace, *names):
    frames = functions(trace)
    found = [name for _, name in frames]
    counted = [int(n) for n, _ in frames]
    expect(counted == list(range(1, len(frames) + 1)), "frames do not count up", trace)
    expect(found, "no frames", trace)
    inner = [name for name in found if name in names]
    expect(inner == list(names), f"not parked in {names}", trace)
    expect(found[-1] == "plat_stack_entry", "unwinding does not end at plat_stack_entry", trace)
    expect("orrupt" not in trace and "Cannot access" not in trace, "unwinding goes astray", trace)


def check_all(text):
    expect("Python Exception" not in text and "Error" not in text, "the script fails", text)
    lines = re.findall(r"^( *\d+ [0-9a-f]{16} \w+ +(\S+) .*)$", text, flags=re.MULTILINE)
    line = {name: whole for whole, name in lines}
    expect(set(line) == {"MainThread", "guest", "Task-1", "kitchen", "cook", "paused"},
           "wrong strands", text)
    expect(re.search(r" task +guest +blocked +waits for event 0x[0-9a-f]+ for \d+\.\d s from main "
                     r"\(gdb_subject\.c:\d+\)", line["guest"]), "guest's line is wrong", text)
    expect(" blocked " in line["Task-1"] and " waits for sleep" in line["Task-1"], "Task-1's", text)
    expect(re.search(" thread +kitchen ", line["kitchen"]), "kitchen's line is wrong", text)
    expect(" from kitchen (gdb_subject.c:" in line["cook"], "cook's line is wrong", text)
    expect(" created " in line["paused"], "paused's line is wrong", text)

    trace = traces(text)
    check_parked(trace["guest"], "wait_for_soup", "order_soup", "guest")
    check_parked(trace["Task-1"], "sleeping_cook")
    # The kitchen's thread sleeps on the stack of whichever of its two strands blocked last.
    cook = [name for _, name in functions(trace["cook"])]
    expect("sleeping_cook" in cook and cook[-1] == "plat_stack_entry", "cook's trace", text)
    kitchen = [name for _, name in functions(trace["kitchen"])]
    expect("tl_scope_close" in kitchen and "kitchen" in kitchen, "kitchen's trace", text)
    main = [name for _, name in functions(trace["MainThread"])]
    expect("all_parked" in main and "main" in main, "main's trace", text)
    expect("has not begun" in trace["paused"], "paused has a trace", text)


def check_live():
    text = gdb("break all_parked", "run", "info strands", "strand apply all bt",
               "strand guest frame function wait_for_soup", "continue", target=[SUBJECT])
    if re.search(r"ptrace.*(not permitted|No such)|Could not trace", text):
        skip("gdb may not trace a program here")
    # A thread's libthread_db may be missing; what matters is that the program stopped and went on.
    expect("Breakpoint 1," in text, "the program did not stop", text)
    check_all(text)
    expect(re.search(r"wait_for_soup \(spoons=(spoons@entry=)?4\)", text), "no arguments", text)
    expect("exited normally" in text, "the program did not go on as if nothing had been", text)


def check_core():
    if resource.getrlimit(resource.RLIMIT_CORE)[1] != resource.RLIM_INFINITY:
        skip("live is seen to work; a core may not be of any size here")
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    subprocess.run([SUBJECT, "die"], check=False, stderr=subprocess.DEVNULL)
    cores = list(Path.cwd().glob("core*"))
    if not cores:
        skip("live is seen to work; the kernel does not leave a core in the folder here")
    check_all(gdb("info strands", "strand apply all bt", target=[SUBJECT, cores[0]]))


def main():
    build = Path(os.environ["TELAR_BUILD"], "tests", "tests.list").read_text()
    if "slow\t1" not in build.splitlines():
        skip("a sanitized program is too large for a core")
    check_live()
    check_core()


main()
