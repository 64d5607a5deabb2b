/* inject.h - faults in the calls that the library makes to the system, and in no others.
 *
 * A test that links libtelar_faulty.a has a copy of the library whose calls to the C library go
 * through inject.c.  Armed, it counts them and fails the n-th with an error that this call may
 * really give; or interrupts it, or has it do only a part of its work. */
#ifndef INJECT_H
#define INJECT_H

enum inject_kind {
	INJECT_ONCE, /* the n-th call fails */
	INJECT_ON,   /* so do all later ones of the same function */
	INJECT_ODD,  /* no failure, but it must be called again: EINTR, short, woken for nothing */
};

void inject_arm(enum inject_kind kind, unsigned nth);
void inject_disarm(void);
/* What was injected, "pwrite64: ENOSPC"; NULL: nothing, there were fewer calls. */
const char *inject_done(void);
/* Its errno; 0: none. */
int inject_error(void);
/* Have it written here too, at once: a process that crashes or hangs cannot be asked. */
void inject_tell(char *text, unsigned cap);

#endif
