/* telar/report.h - what went wrong where nobody was asked, and what runs right now. */
#ifndef TELAR_REPORT_H
#define TELAR_REPORT_H
#include <telar/strand.h>
#ifdef __cplusplus
extern "C" {
#endif

enum tl_report_kind {
	TL_R_MISUSE = 1, /* a call that breaks its own rule; debug builds abort after it */
	TL_R_FAILURE,    /* a failure that no scope answers for (main's own, at tl_finish) */
	TL_R_STRAGGLER,  /* asked to stop, and still running after its grace */
	TL_R_DEADLOCK,   /* every strand waits, and nothing that could wake one is left */
	TL_R_DEGRADED,   /* the system refused something; a slower way is used */
	TL_R_LEAK,       /* something was left open */
	TL_R_TORN        /* a process ended in the middle of a change that others see */
};

typedef struct tl_report {
	enum tl_report_kind kind;
	tl_strand strand; /* whom it is about; { 0 }: none */
	int value;        /* a status < 0, or 0 */
	const char *text; /* one sentence, without name and site */
	const char *name; /* the strand's name, or "" */
	const void *site; /* where it was started, or NULL: tl_site_text */
} tl_report;

/* Have fn called for every report; NULL restores the default, which writes one line to stderr (the
 * library's only output). fn may run on any thread, must not block, and is not called from inside
 * itself: what it causes to be reported gets the default's line.  r and its texts last for the
 * call. */
TL_API void tl_on_report(void (*fn)(const tl_report *r, void *arg), void *arg);

/* A code address as "function+0x12 (module)" or, without symbols, "module+0x1234": addr2line takes
 * it.  Answers the whole length; buf is always terminated.  Not a cancel point.  Source: dladdr(3).
 */
TL_API int tl_site_text(const void *site, char *buf, size_t cap);

typedef struct tl_info {
	tl_strand strand, parent;
	enum tl_kind kind;
	enum tl_state state;
	bool daemon;
	pid_t os_id;        /* the thread it runs on; 0: not begun */
	tl_time since;      /* in this state since, exact to the loop's turn; 0: unknown */
	const void *site;   /* where it was started */
	const char *waits;  /* what it waits for, "lock", "queue get" ...; NULL: it does not */
	const void *object; /* the object it waits on */
	char name[32];
	uint64_t reserved[4];
} tl_info;

/* t as of just now.  Not a cancel point.  Error: -ESRCH. */
TL_API int tl_inspect(tl_strand t, tl_info *ret);
/* All strands that have not ended, main and adopted threads included, oldest slot first.  Answers
 * how many there are, also when that is more than cap; buf may be NULL when cap is 0.  Not a cancel
 * point. */
TL_API int tl_list(tl_info *buf, size_t cap);
/* What loops wait for descriptors with: "uring" (io_uring) or "epoll".  TELAR_POLLER=uring|epoll in
 * the environment chooses, before the first wait; a kernel that refuses io_uring gets epoll and one
 * TL_R_DEGRADED.  Not a cancel point. */
TL_API const char *tl_poller(void);

/* When SIGSEGV or SIGBUS is about to end the program, say in one line on stderr which strand it was
 * and where it was started, and whether it has used up its stack; then happens what would have
 * happened, an older handler included.  Threads get an alternate signal stack for it: the caller,
 * and those that telar starts or first meets later; on others an overflow of the thread's own stack
 * goes unsaid.  false: take it back.  Not a cancel point.  Error: -ENOMEM. */
TL_API int tl_crash_reports(bool on);

/* Write one line per strand to fd, after one that names the poller.  Answers how many strands.  Not
 * a cancel point; errors: write(2)'s. */
TL_API int tl_dump(int fd);

#ifdef __cplusplus
}
#endif
#endif
