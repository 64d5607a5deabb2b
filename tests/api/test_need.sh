#!/usr/bin/env bash
# limit 120
# once
# tools/need.sh on a machine made of stubs: what is there is left alone, what is missing is
# installed by name, and who may not install is told the command.
set -eu

mkdir bin
stub() { printf '#!/bin/sh\n%s\n' "$2" >"bin/$1" && chmod +x "bin/$1"; }
# shellcheck disable=SC2016 # the stubs expand these
{
	stub dpkg-query 'case $4 in here*) echo installed ;; gone) echo config-files ;; *) exit 1 ;; esac'
	stub apt-get 'echo "$@" >>apt.log'
	stub id 'cat uid'
	stub sudo 'exit 1'
}
export PATH=$PWD/bin:$PATH
need=$TELAR_SRC/tools/need.sh
fail() { echo "$1" && cat said apt.log 2>/dev/null && exit 1; }

echo 1000 >uid
"$need" here here-too >said 2>&1 || fail "all is there, and it is not content"
[ ! -s said ] || fail "all is there, and it talks"

if "$need" here gone lost >said 2>&1; then fail "nobody may install, and it goes on"; fi
grep -q '^ *sudo apt-get update && sudo apt-get install -y gone lost$' said || fail "no command"
[ ! -e apt.log ] || fail "nobody may install, and it tried"

echo 0 >uid
"$need" here gone lost >said 2>&1 || fail "root cannot install"
grep -q ' update$' apt.log || fail "no update"
grep -q ' install -y .* gone lost$' apt.log || fail "not the names that are missing"
