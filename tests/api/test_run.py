#!/usr/bin/env python3
# once
# limit 180
"""The test runner and the test kit themselves: what should fail does, and all is counted."""

import os
import signal
import subprocess
import sys
from pathlib import Path

SOURCE = Path(os.environ["TELAR_SRC"])

PROGRAM = r"""
#include <stdlib.h>
#include "check.h"

TEST(passes)          { CHECK(1); CHECK_EQ(2, 2); CHECK_STR("a", "a"); }
TEST(check_fails)     { CHECK(1 > 2); }
TEST(eq_fails)        { CHECK_EQ(3, 4); }
TEST(str_fails)       { CHECK_STR("warp", "weft"); }
TEST(str_null_fails)  { CHECK_STR("warp", NULL); }
TEST(crashes)         { abort(); }
TEST(exits)           { exit(3); }
TEST(is_skipped)      { SKIP("no such thing here"); }
TEST_LIMIT(hangs, 1)  { if (fork() >= 0) pause(); }
TEST_LONG(takes_long, 60) { }
TEST(has_its_signals)
{
	struct sigaction is;
	sigset_t blocked;
	CHECK_EQ(sigprocmask(SIG_SETMASK, NULL, &blocked), 0);
	for (int i = 1; i < 32; i++) {
		CHECK_EQ(sigaction(i, NULL, &is), 0);
		CHECK(is.sa_handler == SIG_DFL && !sigismember(&blocked, i));
	}
}
TEST(is_alone)
{
	char path[4096];
	CHECK(getcwd(path, sizeof path) != NULL);
	CHECK_STR(path, getenv("TMPDIR"));
	CHECK_EQ(getsid(0), getpid());
}
"""

FAILURES = {
    "check_fails": "CHECK failed: 1 > 2",
    "eq_fails": "3 == 4: 3 is not 4",
    "str_fails": '"warp" is not "weft"',
    "str_null_fails": '"warp" is not "(null)"',
    "crashes": "killed by SIGABRT",
    "exits": "exit status 3",
    "hangs": "no end after 1 s",
}


def build():
    Path("build/tests").mkdir(parents=True)
    Path("kit.c").write_text(PROGRAM)
    tests = SOURCE / "tests"
    command = ["cc", "-std=gnu17", "-Wall", "-Wextra", "-Werror", f"-I{tests}", "kit.c"]
    subprocess.run([*command, "-o", "build/tests/kit"], check=True)
    Path("build/tests/tests.list").write_text("slow\t1\nprogram\tx/test_kit\ttests/kit\n")


def run(*options, under=(), without=None):
    command = [*under, sys.executable, str(SOURCE / "tests" / "run.py"), *options]
    own = {name: value for name, value in os.environ.items() if name != "TELAR_TEST_LIMIT"}
    answer = subprocess.run(
        command, capture_output=True, text=True, check=False, env=own, preexec_fn=without
    )
    return answer.returncode, answer.stdout


def without_signals():
    """As nohup leaves them, and others."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2, signal.SIGALRM})
    for signum in signal.SIGCHLD, signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1:
        signal.signal(signum, signal.SIG_IGN)


def expect(said, condition, what):
    if not condition:
        print(f"{what}; it said:\n{said}")
        sys.exit(1)


def main():
    build()
    code, said = run("one=build")
    last = said.splitlines()[-1]
    expect(said, last == "3 passed, 7 failed, 1 skipped", "the count is wrong")
    expect(said, code == 1, "failures, and exit status 0")
    for name, text in FAILURES.items():
        found = said.partition(f"FAIL one: x/test_kit {name}: ")[2].split("FAIL ")[0]
        expect(said, text in found, f"{name} does not show: {text}")
    expect(said, "skip one: x/test_kit is_skipped: no such thing here" in said, "no reason")

    answer, said = run("one=build", without=without_signals)
    expect(said, answer == code and said.endswith(last + "\n"), "started without signals")

    code, said = run("--long", "--only", "takes_long|passes", "one=build", "two=build")
    expect(said, said.endswith("\n4 passed, 0 failed, 0 skipped\n"), "--long in two builds")
    expect(said, code == 0, "all passed, and exit status not 0")

    one = str(min(os.sched_getaffinity(0)))
    code, said = run("--only", "passes", "build", under=["taskset", "--cpu-list", one])
    expect(said, ", 1 at a time;" in said, "on one processor")

    Path("build/tests/tests.list").write_text("program\tx/test_gone\ttests/gone\n")
    code, said = run("build")
    expect(said, said.endswith("\n0 passed, 1 failed, 0 skipped\n"), "a program that is not there")

    code, said = run("--only", "nothing is called so", "build")
    expect(said, code == 1, "nothing ran, and exit status 0")
    return 0


if __name__ == "__main__":
    sys.exit(main())
