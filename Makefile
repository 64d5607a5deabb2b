# The thin front of the house; meson.build is the real build.  Every target first sees to it that
# the packages it needs are installed (tools/need.sh).
#
#	make run        the main job: 3,000 students hand in their receipts at once
#	make test       everything that must hold; the last line counts it
#	make test-long  the same, and what takes its time
#	make test-python  CPython's own tests of locks and queues, on telar's
#	make bench      every claim measured; BENCH=switch,spawn chooses
#	make install    to PREFIX (/usr/local), under DESTDIR

PREFIX   ?= /usr/local
DESTDIR  ?=
STUDENTS ?= 3000
ONLY     ?=

COMPILE = gcc libcbor-dev libmd-dev meson ninja-build pkg-config python3
SERVICE = libhttp-parser-dev libmagic-dev libsqlite3-dev libssl-dev
PEERS   = cargo golang-go golang-github-mattn-go-sqlite3-dev libboost-context-dev libboost-dev \
	  libboost-fiber-dev libev-dev librust-crossbeam-dev librust-parking-lot-dev librust-rayon-dev \
	  librust-tokio-dev libspdlog-dev libst-dev libtbb-dev liburing-dev libuv1-dev \
	  python3-uvloop redis-server redis-tools rustc
CHECK   = g++ chromium clang libclang-rt-dev libglib2.0-0 spin curl sqlite3 gdb groff-base man-db \
	  $(PYTHON)
PYTHON  = libpython3.11-testsuite python3-dev
CROSS   = gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user

.PHONY: all run test test-long test-python bench install clean
all:
	@tools/need.sh $(COMPILE)
	@tools/build.sh build

run:
	@tools/need.sh $(COMPILE) $(SERVICE)
	@tools/build.sh build -- apps/comprobantes/comprobantes
	@exec build/apps/comprobantes/comprobantes rush --students $(STUDENTS)

test: LONG =
test-long: LONG = --long
test test-long:
	@tools/need.sh $(COMPILE) $(SERVICE) $(CHECK) $(CROSS)
	@tools/build.sh build
	@CC=clang CXX=clang++ tools/build.sh build/clang --buildtype=debug
	@tools/build.sh build/asan -Db_sanitize=address,undefined -Doptimization=1
	@tools/build.sh build/tsan -Db_sanitize=thread -Doptimization=1
	@tools/build.sh build/yield -Dhostile=yield
	@tools/build.sh build/arm --cross-file tools/aarch64.ini
	@tests/run.py $(LONG) --only '$(ONLY)' gcc=build gcc:epoll=build gcc:noguard=build \
		clang=build/clang asan=build/asan gcc:yield=build/yield tsan:races=build/tsan arm=build/arm \
		$(if $(LONG),gcc:stalls=build)

test-python: export PYTHONDONTWRITEBYTECODE = 1
test-python: export TELAR_SRC = $(CURDIR)
test-python: export TELAR_BUILD = $(CURDIR)/build
test-python:
	@tools/need.sh $(COMPILE) $(PYTHON)
	@tools/build.sh build -- tests/_telar.so
	@for script in tests/python/test_*.py; do timeout 120 python3 $$script || exit 1; done

bench:
	@tools/need.sh $(COMPILE) $(SERVICE)
	@tools/need.sh $(PEERS) || echo "bench: some peers cannot be installed: left out"
	@tools/build.sh build/release --buildtype=release -- benches apps/comprobantes/comprobantes
	@mkdir -p build/bench
	@echo 'bench: building the peers; what fails says why in build/bench/peers.log'
	@$(MAKE) -s -k -j2 -C bench/peers OUT=$(CURDIR)/build/bench/peers >build/bench/peers.log 2>&1 || true
	@tools/bench.py build/release --peers build/bench/peers --only '$(BENCH)' \
		--json build/bench/results.json

install:
	@tools/need.sh $(COMPILE)
	@tools/build.sh build/install --buildtype=release --prefix=$(PREFIX) -- library
	@DESTDIR='$(DESTDIR)' meson install -C build/install --no-rebuild --quiet

clean:
	rm -rf build
