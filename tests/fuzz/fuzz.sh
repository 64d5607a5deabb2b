#!/usr/bin/env bash
# Fuzz the parsers of what strangers send:  fuzz.sh LIBFUZZER-OPTION...
# Each of targets/*.c is built, replays corpus/NAME and goes on from there.  Two run at a time, in
# the current folder.  What fails is kept here as NAME-crash-..., and shown in base64.
set -u
source=$TELAR_SRC/tests/fuzz
flags=(-D_GNU_SOURCE -std=gnu17 -g -O1 -Wall -Wextra -Werror "-fsanitize=fuzzer,address,undefined"
	-fno-sanitize-recover=all "-I$TELAR_SRC/include" "-I$TELAR_SRC/src"
	"-I$TELAR_SRC/apps/comprobantes")

echo 'int LLVMFuzzerTestOneInput(const void *p, unsigned long n) { return p && n ? 0 : 0; }' >none.c
if ! clang "${flags[@]}" -o none none.c >none.log 2>&1; then
	echo "clang has no libFuzzer here, or is not there"
	exit 77
fi

build_and_run() {
	local name=$1
	shift
	clang "${flags[@]}" -o "$name" "$source/targets/$name.c" -DTELAR_CBOR -lhttp_parser -lcbor &&
		mkdir "$name.new" &&
		"./$name" -artifact_prefix="$name-" -timeout=10 -rss_limit_mb=1024 -max_len=16384 \
			"$@" "$name.new" "$source/corpus/$name"
}

one() {
	if build_and_run "$@" >"$1.log" 2>&1; then
		grep '^Done' "$1.log" | sed "s/^Done/$1:/"
	else
		tail -20 "$1.log"
		for input in "$1"-*-*; do
			[ -f "$input" ] && echo "$input: $(base64 -w0 "$input")"
		done
		echo "$1 has failed"
		touch failed
	fi
}

for target in "$source"/targets/*.c; do
	while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
	one "$(basename "$target" .c)" "$@" &
done
wait
[ ! -e failed ]
