#!/usr/bin/env python3
# once
# limit 120
"""Processes wherever telar is: in a program that is linked with it, shared or static, in one that
is static throughout, and not in one that opens it with dlopen, or has gained privileges."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SRC, BUILD = Path(os.environ["TELAR_SRC"]), Path(os.environ["TELAR_BUILD"]).resolve()

LINKED = r"""
#include <stdio.h>
#include <telar.h>
static int constructed;
__attribute__((constructor)) static void construct(void) { constructed = 1; }
static int answer(void *arg) { return *(int *)arg * constructed; }
int main(void)
{
	int x = 42, r;
	tl_strand t;
	tl_end e = { 0 };

	r = tl_process_start(NULL, answer, &x, &(tl_opts){ .copy = sizeof x, .ret = &t });
	if (r == 0)
		tl_join(t, &e, TL_NEVER);
	printf("%s %d\n", tl_error_name(r), e.value);
	return 0;
}
"""

OPENED = r"""
#include <dlfcn.h>
#include <stdio.h>
int main(void)
{
	void *l = dlopen("%s", RTLD_NOW);
	int (*start)(void) = l ? (int (*)(void))dlsym(l, "tl_zygote_start") : 0;
	const char *(*name)(int) = l ? (const char *(*)(int))dlsym(l, "tl_error_name") : 0;
	printf("%%s\n", start && name ? name(start()) : dlerror());
	return 0;
}
"""

PLUGIN = r"""
#include <telar.h>
int seven(void *arg) { (void)arg; return 7; }
"""

HOST = r"""
#include <dlfcn.h>
#include <stdio.h>
#include <telar.h>
int main(void)
{
	void *l = dlopen("./plugin.so", RTLD_NOW);
	tl_fn *seven = l ? (tl_fn *)dlsym(l, "seven") : 0;
	tl_func f = tl_func_of(seven);
	tl_strand t;
	tl_end e = { 0 };

	tl_process_start(NULL, seven, NULL, &(tl_opts){ .ret = &t });
	tl_join(t, &e, TL_NEVER);
	printf("%d %d %s\n", e.value, tl_func_call(f, NULL),
		tl_error_name(tl_func_call((tl_func){ 12345 }, NULL)));
	return 0;
}
"""

FLAGS = os.environ.get("TELAR_CFLAGS", "").split()


def build(name, text, *args):
    Path(name + ".c").write_text(text)
    subprocess.run(["cc", "-D_GNU_SOURCE", f"-I{SRC}/include", name + ".c", "-o", name, *args],
        check=True, capture_output=True, text=True)


def said(*command):
    r = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return r.stdout.strip() + "".join(" " + l.split(": ")[-1] for l in r.stderr.splitlines()
                                      if "no processes" in l)


def main():
    archive = f"{BUILD}/libtelar.a"
    shared = [f"-L{BUILD}", "-ltelar", f"-Wl,-rpath,{BUILD}", "-pthread"]
    libs = ["-pthread", "-ldl", *cbor()]
    wrong = []

    def expect(what, got, wanted):
        if got != wanted:
            wrong.append(f"{what}: {got!r} is not {wanted!r}")

    build("shared", LINKED, *shared)
    expect("shared", said("./shared"), "OK 42")
    build("inside", LINKED, archive, *libs)
    expect("archive", said("./inside"), "OK 42")
    build("opened", OPENED % f"{BUILD}/libtelar.so")
    expect("dlopen", said("./opened"), "ENOTSUP the program was not linked with telar")
    build("host", HOST, *shared)
    build("plugin.so", PLUGIN, "-shared", "-fPIC")
    expect("a function of a library opened later", said("./host"), "7 7 EINVAL")
    expect("started by the dynamic linker", said(linker(), "./shared"),
        "ENOTSUP 0 the program, executed again, does not answer")
    if gives_rights("shared"):
        got = anybody("./shared")
        if "shared libraries" not in got.stderr:
            expect("set-user-id", got.stdout.strip(), "ENOTSUP 0")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


def anybody(*command):
    """A program run by a user without rights."""
    return subprocess.run(command, user=65534, group=65534, extra_groups=[],
        capture_output=True, text=True, timeout=60)


def gives_rights(program):
    """Let it run as root, whoever starts it, if this user may, and mounts and filters let it."""
    if os.geteuid() != 0:
        return False
    shutil.copy(shutil.which("id"), "id")
    for name in "id", program:
        os.chown(name, 0, 0)
        os.chmod(name, 0o4755)
    os.chmod(".", 0o755)
    try:
        return anybody("./id", "-u").stdout == "0\n"
    except PermissionError:
        return False


def cbor():
    """What the archive needs, if it was built with it."""
    needed = subprocess.run(["nm", "-u", f"{BUILD}/libtelar.a"], capture_output=True, text=True)
    return ["-lcbor"] if "cbor_load" in needed.stdout else []


def linker():
    text = subprocess.run(["readelf", "-l", "./shared"], capture_output=True, text=True).stdout
    return text.split("interpreter: ")[1].split("]")[0]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        sys.exit(main())
