/* plat.h - all that the operating system and the processor must give; the only floor with #ifdefs.
 *
 * Pre-conditions everywhere: results != NULL.  Returns: 0 or a count, or a negative errno.  Times
 * are nanoseconds of CLOCK_MONOTONIC; a deadline of 0 is never.  Nothing here knows what a strand
 * is. */
#ifndef TELAR_PLAT_H
#define TELAR_PLAT_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PLAT_LINE 64 /* bytes that two processors fight over */

#if defined(__SANITIZE_THREAD__)
#define PLAT_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PLAT_TSAN 1
#endif
#endif

/* -- clock */
int64_t plat_now(void);

/* What of events (poll(2)'s) fd has now; 0: nothing. */
int plat_poll(int fd, int events);

/* -- futex: sleep on a 32-bit word while it holds `expected`.  0: woken (perhaps for nothing);
 * -EAGAIN: it held something else; -ETIMEDOUT.  shared: also across processes. */
int plat_futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline, bool shared);
void plat_futex_wake(_Atomic uint32_t *word, int n, bool shared);
/* The same on n <= 128 words at once, each shared or not.  Answers the index of one that was woken:
 * others may have been too, so look at all of them.  -ENOSYS where it is refused. */
struct plat_word {
	_Atomic uint32_t *word;
	uint32_t expected;
	bool shared;
};
int plat_futex_wait_any(const struct plat_word *words, unsigned n, int64_t deadline);
/* One of them as the kernel has it, struct futex_waitv, for POLLER_WORDS. */
struct plat_wait {
	uint64_t expected, word;
	uint32_t flags, reserved;
};
struct plat_wait plat_wait_on(struct plat_word w);

/* A full fence.  TSan knows none; for the processor an exchange is as good, and since it is on a
 * word that nobody else has, TSan takes no other access for ordered by it: it hides no race. */
static inline void plat_fence(void)
{
#ifdef PLAT_TSAN
	_Atomic int own = 0;
	atomic_exchange_explicit(&own, 1, memory_order_seq_cst);
#else
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

/* -- a barrier in two halves, for a side that runs often (light, free) and one that seldom does
 * (heavy, a system call): as if both had a full fence between their store and their load. */
void plat_barrier_heavy(void);
extern bool plat_barrier_both; /* the system has no such thing: the light side fences too */
static inline void plat_barrier_light(void)
{
	atomic_signal_fence(memory_order_seq_cst);
	if (__builtin_expect(plat_barrier_both, 0))
		plat_fence();
}

/* -- processor */
static inline void plat_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb" ::: "memory");
#endif
}

/* Leave the running stack, whose place is kept in *save, for the one kept in to.  Callee-saved
 * registers move with the stack; floating-point modes do not, they belong to the thread. */
void plat_switch(void **save, void *to);
/* The same between a generator and who advances it, for a caller that does nothing after it: the
 * other side's call of it answers `answer`. */
int plat_cross(void **save, void *to, int answer);
/* Lay a first frame on a fresh stack that ends at top, so that switching to the answer calls
 * entry(arg).  entry must never return.  top: 16-aligned. */
void *plat_stack_begin(void *top, void (*entry)(void *), void *arg);

/* The calling thread's own stack: the point below which less than a quarter of it is left; NULL:
 * unknown. */
const char *plat_stack_floor(void);
/* The calling thread's own stack: its lowest usable byte (NULL: unknown), its size. */
void plat_stack_bounds(const char **ret_low, size_t *ret_size);
/* The file that holds the code at addr, and how far into it; also in a signal handler. */
bool plat_module_of(const void *addr, const char **ret_name, uintptr_t *ret_offset);
/* The same, as path ("": the program itself) and where it begins. */
bool plat_module_at(const void *addr, const char **ret_path, uintptr_t *ret_base);
/* Where the module at path begins, which is loaded if it is not yet.  False: it cannot be. */
bool plat_module_load(const char *path, uintptr_t *ret_base);

/* -- memory: whole pages */
size_t plat_page(void);
/* Address space without memory behind it; NULL: none. */
void *plat_reserve(size_t size);
/* Make a part of it usable, zero, taken as it is touched. */
int plat_open(void *at, size_t size);
/* Any touch of this part is a fault.  Forgets what was in it. */
int plat_guard(void *at, size_t size);
void plat_release(void *at, size_t size);
/* Give the memory back, keep the address space: it reads zero again. */
void plat_forget(void *at, size_t size);
/* Zeroed memory for tables; NULL: none.  large: all of it will be used, at random, so in huge pages
 * where the system has them to give. */
void *plat_slab(size_t size, bool large);

/* -- threads and processes */
int plat_cpu_count(void);
int plat_cpu(void); /* where the calling thread runs just now */
pid_t plat_thread_id(void);
/* A detached thread of the library's own, deaf to all signals.  name: at most 15 bytes, for the
 * system.  plat_thread_helpers: how many there are. */
int plat_thread_begin(void (*fn)(void *), void *arg, const char *name);
int plat_thread_helpers(void);
void plat_thread_forked(void); /* in the child of a fork: they are not here */
/* Show a thread of this process under another name, at most 15 bytes, if still(arg) says that it is
 * the one that was meant.  A system that does not let us is not told. */
void plat_thread_rename(pid_t thread, const char *name, bool (*still)(void *arg), void *arg);
/* How many threads the process has right now, whoever made them; < 0: unknown. */
int plat_thread_count(void);
/* A number that no other process, living or dead, of this boot has; 0: pid is not running;
 * PLAT_RUNS: it is, but out of descriptors or memory we cannot tell which one it is. */
#define PLAT_RUNS UINT64_MAX
uint64_t plat_process_stamp(pid_t pid);
/* sig for process pid, if still(arg) says, once it can be no other, that it is the one that was
 * meant; -ESRCH if not. */
int plat_process_signal(pid_t pid, int sig, bool (*still)(void *arg), void *arg);
void plat_random(void *buf, size_t n);

/* -- this program once more (spawn.c, start.c) */
/* Called in place of main, when all constructors have run, if it was handed down by then; answers
 * if main is to be called after all. */
extern void (*plat_instead)(void);
/* Was the program begun in such a way that plat_instead is called? */
extern bool plat_instead_possible;
/* Execute the program that runs here once more, beside this one: it is nobody's child and this
 * process has nothing to wait for, but they share the current directory and the umask.  mark:
 * NAME=VALUE, added to its environment.  fds: become 3, 4 ...; all others but 0, 1 and 2 are closed
 * there.  It has all signals blocked. */
int plat_spawn_self(const char *mark, const int *fds, unsigned n);
/* Is fd a line as plat_tell and plat_hear want it, and is it this very program, as the same user,
 * who made it? */
bool plat_is_line(int fd);
bool plat_peer_is_us(int fd);
/* The same file at a number that is nobody's standard stream; < 0: none is left, or fd is < 0. */
int plat_above_stdio(int fd);

/* What a process may do.  Two are alike if their bytes are. */
struct plat_rights {
	uint32_t ids[6], groups, groups_sum, caps[6], no_new_privs, seccomp;
	uint32_t filters; /* of seccomp, how many; 0: none, or unknown */
};
void plat_rights(struct plat_rights *ret);
bool plat_rights_same(const struct plat_rights *a, const struct plat_rights *b);
uint32_t plat_filter_count(void); /* of seccomp; 0: none, or unknown */

/* One message, with descriptors.  plat_tell may wait unless now is set; plat_hear waits; 0: the
 * other side is gone.  *n: room for how many, then how many came; they are closed by an exec. */
enum { PLAT_FDS = 64 };
int plat_tell(int fd, const void *message, size_t size, const int *fds, unsigned n, bool now);
ssize_t plat_hear(int fd, void *message, size_t size, int *ret_fds, unsigned *n);

/* A box that others put descriptors into: a socket, readable when there is something in it.
 * -EADDRINUSE: there is one of that name.  plat_box_put copies fd into it; -ECONNREFUSED, -EPIPE:
 * it is no more, or sealed; -EAGAIN: full of what strangers put in.  plat_box_take: the next, which
 * is closed by an exec; -EAGAIN: empty; -EMFILE: there was no number left for it, and it is lost.
 * A sealed box takes no more in: what is not in it by then never will be. */
int plat_box_open(const uint64_t name[2]);
int plat_box_put(const uint64_t name[2], uint64_t secret, int fd);
int plat_box_take(int box, uint64_t secret);
void plat_box_seal(int box);

#endif
