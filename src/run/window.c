/* window.c - the shared window: one stretch of address space, the same in every process that this
 * program forks, behind it one sealed memory file.
 *
 * Its head holds the table of participants (processes) and the allocator.  The allocator is guarded
 * by one word that names its holder; a process killed while it held it is found dead by the next.
 * Each step is committed by one store, so what such a process leaves behind is at worst one block
 * that nobody has: never a list that leads astray.
 *
 * Blocks are powers of two from 128 bytes, the first 64 of which are the block's own line: its
 * class, and the next free block.  Pages are reserved (fallocate) before a block is cut from them,
 * so a full system is an error here and not a SIGBUS later. */
#define WINDOW_PLACE ((void *)0x7ea000000000) /* free in plain, ASan and TSan processes */
#include "run/window.h"
#include "base/spin.h"
#include "telar/shared.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { CLASSES = 40, LEAST = 7, LINE = 64, CHUNK = 1 << 20 };
enum { PARTICIPANTS = WINDOW_PARTICIPANTS, NUMBER_BITS = 12 };
enum { LOOKS = 110 /* from here on spin_pause naps */ };
#define JOINING (1u << 31) /* of a holder: a process's id; it has no number yet */
static const size_t SIZE = (size_t)64 << 30;

struct block {
	uint64_t class, free;
	struct block *next;
};

struct window {
	_Atomic uint32_t holder; /* the participant that is in the allocator; 0: none */
	_Atomic uint32_t deaths; /* goes up when one is known to have died; waited on */
	size_t cut, reserved;    /* from the start of the window */
	uint32_t last;           /* the number that was given last */
	struct block *free[CLASSES];
	window_path paths[WINDOW_PATHS];
	struct participant participants[PARTICIPANTS + 1];
};

static struct window *window;
static int window_fd = -1;
static struct spin making;
static uint32_t mine = 1 << NUMBER_BITS | 1; /* who we are; the maker of a window is its number 1 */

bool window_holds(const void *addr) { return window && (uintptr_t)addr - (uintptr_t)window < SIZE; }

uint32_t window_participant(void) { return mine; }

bool window_joined(void) { return !(mine & JOINING); }

struct participant *window_at(uint32_t number)
{
	return &window->participants[number & PARTICIPANTS];
}

bool window_runs(const struct participant *p)
{
	uint64_t then = atomic_load_explicit(&p->stamp, memory_order_acquire);
	pid_t pid = (pid_t)atomic_load_explicit(&p->pid, memory_order_acquire);
	uint64_t now = then ? plat_process_stamp(pid) : 0;

	return now && (now == then || now == PLAT_RUNS || then == PLAT_RUNS);
}

bool window_dead(uint32_t who)
{
	struct participant *p;

	if (who == mine)
		return false;
	if (who & JOINING)
		return !plat_process_stamp((pid_t)(who & ~JOINING));
	if (!window || (who & PARTICIPANTS) == 0)
		return true; /* private memory, inherited by a fork */
	p = window_at(who);
	return !window_runs(p) ||
	       atomic_load_explicit(&p->generation, memory_order_acquire) != who >> NUMBER_BITS;
}

uint64_t window_stamp(void)
{
	return window && window_joined()
		       ? atomic_load_explicit(&window_at(mine)->stamp, memory_order_relaxed)
		       : 0;
}

struct plat_word window_deaths(void)
{
	_Atomic uint32_t *word = &window->deaths;

	return (struct plat_word){ word, atomic_load_explicit(word, memory_order_acquire), true };
}

void window_died(void)
{
	if (!window)
		return;
	atomic_fetch_add_explicit(&window->deaths, 1, memory_order_seq_cst);
	plat_futex_wake(&window->deaths, INT_MAX, true);
}

/* -- the allocator's lock */

static void enter(void)
{
	unsigned turn = 0;
	uint32_t holder = 0;

	while (!atomic_compare_exchange_weak_explicit(
		&window->holder, &holder, mine, memory_order_acquire, memory_order_relaxed)) {
		spin_pause(&turn);
		if (turn < LOOKS || !holder || !window_dead(holder))
			holder = 0; /* else: take it from the dead */
	}
}

static void leave(void) { atomic_store_explicit(&window->holder, 0, memory_order_release); }

/* -- participants */

static void enroll(uint32_t number, uint32_t generation)
{
	struct participant *p = window_at(number);

	lease_begin(p);
	atomic_store_explicit(&p->pid, (uint32_t)getpid(), memory_order_release);
	atomic_store_explicit(&p->generation, generation, memory_order_release);
	atomic_store_explicit(&p->stamp, plat_process_stamp(getpid()), memory_order_release);
	mine = generation << NUMBER_BITS | number;
}

/* A number that is free or whose process is dead, with its next generation.  Those that live long
 * are passed once in a round, not at each start of another. */
static bool join_window(void)
{
	for (uint32_t n = 1; n < PARTICIPANTS; n++) {
		uint32_t i = window->last = window->last % (PARTICIPANTS - 1) + 1;
		struct participant *p = window_at(i);
		uint32_t g = atomic_load_explicit(&p->generation, memory_order_relaxed);
		uint64_t stamp = atomic_load_explicit(&p->stamp, memory_order_relaxed);

		if (g == WINDOW_GENERATIONS || (stamp && !window_dead(g << NUMBER_BITS | i)))
			continue;
		enroll(i, g + 1);
		return true;
	}
	return false;
}

void window_forked(void)
{
	making = (struct spin){ 0 };
	if (!window) {
		mine = (mine & ~(uint32_t)PARTICIPANTS) |
		       ((mine & PARTICIPANTS) % (PARTICIPANTS - 1) + 1);
		return;
	}
	mine = JOINING | (uint32_t)getpid(); /* not our parent's number, and nobody else's */
	enter();
	join_window();
	leave();
}

/* -- making it */

/* A chunk at a time: what a signal interrupts is undone, and a large claim that is interrupted all
 * the time would never be done. */
static bool claim(int fd, size_t at, size_t n)
{
	size_t done = 0;

	while (done < n)
		if (fallocate(fd, 0, (off_t)(at + done), CHUNK) == 0)
			done += CHUNK;
		else if (errno != EINTR)
			break;
	if (done < n && done)
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)done);
	return done == n;
}

static bool reserve(struct window *w, size_t upto)
{
	size_t more = (upto - w->reserved + CHUNK - 1) / CHUNK * CHUNK;

	if (upto <= w->reserved)
		return true;
	if (upto > SIZE || w->reserved + more > SIZE || !claim(window_fd, w->reserved, more))
		return false;
	w->reserved += more;
	return true;
}

/* No core holds it: to read what is not there would make it, all of the 64 GiB. */
static void *map_at(void *place, int flags, int fd)
{
	void *w = mmap(
		place, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | flags, fd, 0);

	if (w != MAP_FAILED)
		madvise(w, SIZE, MADV_DONTDUMP);
	return w;
}

/* Where its place is taken any other does, as long as we only fork. */
static struct window *map(int fd)
{
	void *w = map_at(WINDOW_PLACE, MAP_FIXED_NOREPLACE, fd);

	return w != MAP_FAILED ? w : map_at(NULL, 0, fd);
}

/* Where it may not be so long, who tries is sent SIGXFSZ, which ends the program. */
static bool may_be_so_long(void)
{
	struct rlimit most;

	return getrlimit(RLIMIT_FSIZE, &most) < 0 || most.rlim_cur >= SIZE;
}

static struct window *make(void)
{
	size_t head = (sizeof(struct window) + LINE - 1) / LINE * LINE;
	struct window *w = MAP_FAILED;
	int fd = plat_above_stdio(memfd_create("telar", MFD_CLOEXEC | MFD_ALLOW_SEALING));

	if (fd < 0)
		return NULL;
	if (may_be_so_long() && ftruncate(fd, (off_t)SIZE) == 0 &&
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0 && claim(fd, 0, CHUNK))
		w = map(fd);
	if (w == MAP_FAILED) {
		close(fd);
		return NULL;
	}
	window_fd = fd;
	w->cut = head;
	w->reserved = CHUNK;
	return w;
}

static bool ready(void)
{
	spin_lock(&making);
	if (!window && (window = make()))
		enroll(window->last = mine & PARTICIPANTS, mine >> NUMBER_BITS);
	spin_unlock(&making);
	return window != NULL;
}

void *window_open(int *ret_fd)
{
	if (!ready())
		return NULL;
	*ret_fd = window_fd;
	return window;
}

/* Before main, in a process that has just been executed.  A constructor may have made a window. */
int window_attach(int fd, void *at)
{
	void *w;

	if (window)
		munmap(window, SIZE);
	window = NULL;
	w = map_at(at, MAP_FIXED_NOREPLACE, fd);
	if (w == MAP_FAILED)
		return -errno;
	window = w;
	window_fd = fd;
	return 0;
}

window_path *window_paths(void) { return ready() ? window->paths : NULL; }

/* -- blocks */

static unsigned class_of(size_t size)
{
	unsigned c = LEAST;

	while (c < CLASSES && ((size_t)1 << c) - LINE < size)
		c++;
	return c;
}

static struct block *take(unsigned class)
{
	struct block *b = window->free[class];
	size_t size = (size_t)1 << class;

	if (b) {
		window->free[class] = b->next;
		return b;
	}
	if (!reserve(window, window->cut + size))
		return NULL;
	b = (struct block *)((char *)window + window->cut);
	window->cut += size;
	return b;
}

void *tl_shared(size_t size)
{
	unsigned class = class_of(size);
	struct block *b;

	strand_self();
	if (class >= CLASSES || !ready())
		return NULL;
	enter();
	b = take(class);
	leave();
	if (!b)
		return NULL;
	*b = (struct block){ .class = class };
	return memset((char *)b + LINE, 0, size);
}

void *tl_shared_free(void *p)
{
	struct block *b = p ? (struct block *)((char *)p - LINE) : NULL;

	if (!b)
		return NULL;
	if (!window_holds(b) || b->class < LEAST || b->class >= CLASSES || b->free) {
		report(TL_R_MISUSE, strand_self(), -EINVAL,
			"tl_shared_free of %p, which is not tl_shared's", p);
		return NULL;
	}
	enter();
	b->free = 1;
	b->next = window->free[b->class];
	window->free[b->class] = b;
	leave();
	return NULL;
}
