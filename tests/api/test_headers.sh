#!/usr/bin/env bash
# once
# limit 180
# Every public header compiles alone, as a user with strict flags would include it: as C17 with gcc
# and clang, and as C++17 with both.
cd "$TELAR_SRC" || exit 1

compilers=("gcc -std=c17 -xc" "g++ -std=c++17 -xc++")
if command -v clang >/dev/null; then
	compilers+=("clang -std=c17 -xc" "clang++ -std=c++17 -xc++")
fi

failed=0
for header in include/telar.h include/telar/*.h; do
	for compiler in "${compilers[@]}"; do
		# shellcheck disable=SC2086 # the options are words
		echo "#include <${header#include/}>" |
			$compiler -pedantic -Wall -Wextra -Werror -Iinclude -fsyntax-only - ||
			{ echo "$header: not alone with $compiler" && failed=1; }
	done
done
exit $failed
