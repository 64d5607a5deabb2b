#!/usr/bin/env bash
# once
# limit 300
# `make install` under DESTDIR gives the headers, both libraries, telar.pc and the manual pages; a
# program finds them through pkg-config, links with either library, and runs.
set -euo pipefail

stage=$PWD/stage
unset MAKEFLAGS MAKELEVEL MFLAGS
make -s -C "$TELAR_SRC" install DESTDIR="$stage" PREFIX=/usr/local

diff <(cd "$TELAR_SRC/include" && find . -name '*.h' | sort) \
	<(cd "$stage/usr/local/include" && find . -type f | sort)

pages=$stage/usr/local/share/man
man -M "$pages" tl_lock_acquire | grep -q 'int tl_lock_acquire(tl_lock \*l, tl_time deadline);'
man -M "$pages" telar_sync | grep -q 'tl_lock_acquire(3)'

pc=$(find "$stage" -name telar.pc)
export PKG_CONFIG_LIBDIR=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$stage
libdir=${pc%/pkgconfig/telar.pc}
[ "$(pkg-config --modversion telar)" = "$(sed -n "s/^#define TL_VERSION_[A-Z]* //p" \
	"$stage/usr/local/include/telar/base.h" | paste -sd.)" ]

cat >weave.c <<'C'
#include <stdio.h>
#include <telar.h>

static int say(void *arg)
{
	puts(arg);
	return 0;
}

int main(void)
{
	tl_task_start(NULL, say, "woven", NULL);
	return tl_finish();
}
C

read -ra shared <<<"$(pkg-config --cflags --libs telar)"
cc -std=c17 -Wall -Wextra -Werror weave.c "${shared[@]}" -o weave_shared
readelf -d weave_shared | grep -q 'NEEDED.*\[libtelar\.so\.0\]'
[ "$(LD_LIBRARY_PATH=$libdir ./weave_shared)" = woven ]

read -ra static <<<"$(pkg-config --static --cflags --libs telar)"
# Only telar: of libcbor Debian has no archive.
cc -std=c17 -Wall -Wextra -Werror weave.c "${static[@]/#-ltelar/-l:libtelar.a}" -o weave_static
if readelf -d weave_static | grep -q libtelar; then
	echo "weave_static needs the shared library"
	exit 1
fi
[ "$(./weave_static)" = woven ]
