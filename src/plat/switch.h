/* switch.h - plat_switch, and what the sanitizers must be told around it. */
#ifndef TELAR_SWITCH_H
#define TELAR_SWITCH_H
#include "plat/plat.h"

#if defined(__SANITIZE_ADDRESS__)
#define SWITCH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SWITCH_ASAN 1
#endif
#endif

/* TSan takes one stack for one strand: no child may run on its parent's. */
#ifdef PLAT_TSAN
enum { switch_may_place = 0 };
#else
enum { switch_may_place = 1 };
#endif

/* A stack as the sanitizers see it. */
struct switch_note {
	void *fake;      /* ASan's fake stack while the strand is away */
	const void *low; /* of the stack; NULL: a thread's own, not known yet */
	size_t size;
	void *fiber; /* TSan's */
};

#ifdef SWITCH_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef PLAT_TSAN
#include <sanitizer/tsan_interface.h>
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);
#endif

/* Before leaving `from` (gone: for ever) for `to`. */
static inline void switch_leave(struct switch_note *from, struct switch_note *to, bool gone)
{
	(void)from, (void)to, (void)gone;
#ifdef SWITCH_ASAN
	__sanitizer_start_switch_fiber(gone ? NULL : &from->fake, to->low, to->size);
#endif
#ifdef PLAT_TSAN
	if (!from->fiber)
		from->fiber = __tsan_get_current_fiber();
	if (!to->fiber)
		to->fiber = __tsan_create_fiber(0);
	__tsan_switch_to_fiber(to->fiber, 0);
#endif
}

/* First thing on `here`, having come from `from`. */
static inline void switch_arrive(struct switch_note *here, struct switch_note *from)
{
	(void)here, (void)from;
#ifdef SWITCH_ASAN
	__sanitizer_finish_switch_fiber(
		here->fake, from->low ? NULL : &from->low, from->low ? NULL : &from->size);
#endif
}

/* A stack is done with; nobody runs on it. */
static inline void switch_bury(struct switch_note *n)
{
	(void)n;
#ifdef PLAT_TSAN
	if (n->fiber)
		__tsan_destroy_fiber(n->fiber);
#endif
	n->fiber = n->fake = NULL;
}

/* The first and last thing in the child of a fork.  The other threads are gone, and what they were
 * at when it came is done; TSan takes them for alive, and is told to look away. */
static inline void switch_forked(bool done)
{
	(void)done;
#ifdef PLAT_TSAN
	if (done) {
		AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
		AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
	} else {
		AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
		AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
	}
#endif
}

/* Its memory will hold other frames: let go of the marks of the old ones. */
static inline void switch_forget(void *low, size_t size)
{
	(void)low, (void)size;
#ifdef SWITCH_ASAN
	__asan_unpoison_memory_region(low, size);
#endif
}

#endif
