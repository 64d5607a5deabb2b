/* telar/log.h - what happened, in lines: loggers in a tree, levels that change while the program
 * runs, handlers that write.
 *
 *	tl_log_open(&(tl_log_opts){ .level = TL_DEBUG,
 *		.format = "[%(levelname)s] - %(threadName)-10s : %(message)s" });
 *	tl_log(TL_DEBUG, "%s", "Iniciando...");    // [DEBUG] - Worker     : Iniciando...
 *
 * Without tl_log_open or a handler nothing is written anywhere.  A call that is not wanted costs a
 * load and a compare; its arguments are not evaluated.  Logging is no cancel point, changes no
 * errno and never fails its caller: a record that cannot be written is dropped and counted, and as
 * soon as there is room again one line in its place says how many.  A record is one write(2) of
 * whole lines, or is taken back.  A handler that writes by itself keeps its caller for as long as
 * the system takes; a queue handler never does.  After a fork(2) the child may log at once.  Not
 * for signal handlers.
 *
 * Placeholders are Python's, `%(name)` with flags, width, precision and a conversion:
 *	message levelname name filename pathname funcName strandName threadName taskName
 *	processName asctime	texts: %(name)-10s, %(name).8s
 *	levelno lineno process thread strand	numbers: %(lineno)5d, also u x X o s
 *	created msecs relativeCreated	numbers, s and ms: %(created).3f, %(msecs)03d; also e g s
 *	%%	a percent sign
 * thread is the system's number of the thread, strand tl_self().id.  strandName is who logs.
 * threadName is the thread it runs on: itself, or the one whose loop runs the task; taskName is the
 * task, or "" for a thread.  processName is a process's name, or "MainProcess".
 * Newlines in a message stay as they are, but in JSON.  A message of more than 64 KiB is cut, and
 * ends in " [cut]".
 *
 * Source: Python's logging; RFC 3164, RFC 8259. */
#ifndef TELAR_LOG_H
#define TELAR_LOG_H
#include <telar/base.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Any number between is a level too, shown as "Level 25". */
enum tl_level { TL_DEBUG = 10, TL_INFO = 20, TL_WARNING = 30, TL_ERROR = 40, TL_CRITICAL = 50 };

/* Lives as long as the program. */
typedef struct tl_logger {
	int least; /* telar's: below this nobody wants a record; the rest is inside */
} tl_logger;
typedef struct tl_handler tl_handler;

/* The root of all loggers. */
TL_API extern tl_logger *const tl_log_root;

/* The logger of a name: "a.b.c" is below "a.b", "" or NULL is the root.  The first call makes it.
 * Never NULL: without memory it is the nearest one above that there is.  Not a cancel point. */
TL_API tl_logger *tl_logger_at(const char *dotted);

/* Its name; "root" for the root.  Not a cancel point. */
TL_API const char *tl_logger_name(const tl_logger *l);

/* From now on l wants records of this level and above; 0: as its parent (the root: all).  The root
 * begins with TL_WARNING.  Any strand, any time.  Not a cancel point. */
TL_API void tl_logger_level(tl_logger *l, int level);

/* The level that counts for l: its own, else the nearest one above.  Not a cancel point. */
TL_API int tl_logger_effective(const tl_logger *l);

/* Do records of l also go to the handlers of the loggers above (at the beginning they do).  Not a
 * cancel point. */
TL_API void tl_logger_propagate(tl_logger *l, bool on);

/* Would a record of this level go to any handler.  A load and a compare; not a cancel point. */
static inline bool tl_logger_enabled(const tl_logger *l, int level)
{
	return level >= __atomic_load_n(&l->least, __ATOMIC_RELAXED);
}

/* Log a printf(3) text to the root; a macro does it, so that nothing is evaluated in vain and the
 * place is known.  Not a cancel point. */
TL_API void tl_log(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same to logger l.  Not a cancel point. */
TL_API void tl_log_to(tl_logger *l, int level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, wanted or not as l's levels say, from a place of the caller's choice: file and func may
 * be NULL; they are copied.  Not a cancel point. */
TL_API void tl_log_write(tl_logger *l, int level, const char *file, int line, const char *func,
	const char *fmt, ...) __attribute__((format(printf, 6, 7)));

#define tl_log(level, ...) tl_log_to(tl_log_root, level, __VA_ARGS__)
#define tl_log_to(l, level, ...) \
	__extension__({ \
		tl_logger *tl_log_l_ = (l); \
		int tl_log_v_ = (level); \
		if (__builtin_expect(tl_logger_enabled(tl_log_l_, tl_log_v_), 0)) \
			tl_log_write( \
				tl_log_l_, tl_log_v_, __FILE__, __LINE__, __func__, __VA_ARGS__); \
	})

/* Where the lines go: at most one of path, syslog, fn and to is given; with none of them, fd. */
typedef struct tl_handler_opts {
	int level;           /* takes records of this level and above */
	const char *format;  /* NULL: "%(levelname)s:%(name)s:%(message)s"; syslog: the message */
	const char *datefmt; /* of asctime, for strftime(3); NULL: "2026-11-22 10:30:13,042" */
	bool json;           /* one JSON object a line instead; format must be NULL */
	int fd;              /* stays the caller's; 0: standard error */
	const char *path;    /* append to this file */
	uint64_t max_bytes;  /* of the file, before it becomes PATH.1, that PATH.2 ...; 0: any */
	unsigned backups;    /* how many of those are kept; 0: one */
	const char *syslog;  /* datagrams to this socket, as "/dev/log" */
	int facility;        /* as LOG_DAEMON of <syslog.h>; 0: LOG_USER */
	const char *ident;   /* for syslog; NULL: the program's name */
	void (*fn)(void *arg, int level, const char *line, size_t size); /* one call at a time */
	void *arg;
	tl_handler *const *to; /* queue for the listener, which hands on to these, n_to of them; */
	size_t n_to;           /* they must stay open, 1 to 8 */
	size_t capacity;       /* records in the queue; 0: 1024 */
	uint64_t reserved[6];  /* zero */
} tl_handler_opts;

/* Make a handler.  path: several processes may write to one file, whose lines stay whole, and
 * rotate it.  With max_bytes each holds flock(2) on it while it writes; without, only where the
 * file system does not keep a write(2) with O_APPEND whole, as NFS, and a file that others moved
 * or removed is noticed a tick of the system's clock later (1 to 10 ms): what is written until
 * then goes where the file went.  The part of a line that a killed process or a full disk may
 * leave is taken away by the next writer that knew the file; to one that did not, or beside others
 * who write without the lock, it is a line.  The file is made with mode 0666 less umask(2).
 * fn: called with a line that ends in a newline and a zero; a record that fn itself logs does not
 * come back to it, but is dropped.  to: see tl_handler_start.
 * Not a cancel point.  Errors: -EINVAL (options; the format: tl_format_check says what is wrong),
 * -ENOMEM, or what open(2) says.  A syslog that is not there is tried again with each record.
 * Ownership: *ret is the caller's, for tl_handler_close; untouched on failure. */
TL_API int tl_handler_open(tl_handler **ret, const tl_handler_opts *o) TL_MUST;

/* Take h from all loggers, wait until nobody writes through it, and free it; a queue handler also
 * stops its listener and hands on what is queued.  Who is logging then is waited for through
 * whichever handler, so a slow one keeps the close of another waiting, too.  NULL is legal.  Not
 * from inside fn.  Cancel point.  Errors: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL): h has left its
 * loggers but is not closed, call again; -EBUSY (a queue hands on to it: nothing was done). */
TL_API int tl_handler_close(tl_handler *h, tl_time deadline) TL_MUST;

/* Records that h has dropped until now: no room, no memory, no success.  Not a cancel point. */
TL_API uint64_t tl_handler_dropped(const tl_handler *h);

/* Have h open its path anew before the next record, as after logrotate(8) has moved the file.  May
 * be called in a signal handler.  Not a cancel point. */
TL_API void tl_handler_reopen(tl_handler *h);

/* Start the listener of a queue handler: a daemon thread "log" of the caller's innermost scope,
 * which ends when that scope closes, once it has handed on what is queued.  Records wait in the
 * queue while there is none; in the child of a fork(2) there is none, and the queue is empty.  What
 * is left is handed on by stop and close.  Not a cancel point.  Answers 0 also if it runs.  Errors:
 * -EINVAL (no queue handler), -EBUSY (asked to stop, and still writes), -ENOMEM, -EAGAIN,
 * -ECANCELED (the scope is cancelled). */
TL_API int tl_handler_start(tl_handler *h);

/* Stop the listener, once it has handed on what is queued now.  Answers 0 also if none runs.
 * Cancel point.  Errors: -EINVAL (no queue handler), -EDEADLK (the listener calls), -ETIMEDOUT,
 * -ECANCELED, -EAGAIN (TL_POLL): it was asked to stop, and still writes. */
TL_API int tl_handler_stop(tl_handler *h, tl_time deadline);

/* Have l send its records to h too; adding it again changes nothing.  Not a cancel point.  Error:
 * -ENOMEM. */
TL_API int tl_logger_add(tl_logger *l, tl_handler *h);

/* Take h from l.  A call under way may still write to it.  Not a cancel point. */
TL_API void tl_logger_remove(tl_logger *l, tl_handler *h);

/* Is format sound?  why[0..cap): what is not, as "there is no %(levlname)"; "" if it is; always
 * terminated; may be NULL when cap is 0.  Not a cancel point.  Error: -EINVAL. */
TL_API int tl_format_check(const char *format, char *why, size_t cap);

typedef struct tl_log_opts {
	int fd;             /* 0: standard error */
	int level;          /* of the root; 0: TL_WARNING */
	const char *format; /* as in tl_handler_opts */
	const char *datefmt;
	const char *path; /* instead of fd */
	bool json;
	uint64_t reserved[4]; /* zero */
} tl_log_opts;

/* One call that makes logging work: a handler at the root.  NULL: all defaults.  Called again, it
 * replaces that handler.  Not a cancel point.  Errors: as of tl_handler_open; then nothing has
 * changed.  Example: examples/logging_threads.c. */
TL_API int tl_log_open(const tl_log_opts *o);

/* Take back what tl_log_open made; 0 also if there is nothing.  Cancel point.  Errors: as of
 * tl_handler_close. */
TL_API int tl_log_close(tl_time deadline);

/* Log telar's own reports (telar/report.h) to the logger "telar": misuse and failure as TL_ERROR, a
 * deadlock as TL_CRITICAL, the rest as TL_WARNING; false restores the default report.  Where it
 * would have to wait for a handler's lock, the record is dropped; a handler's fn must not block
 * then, see tl_on_report.  Not a cancel point. */
TL_API void tl_log_reports(bool on);

#ifdef __cplusplus
}
#endif
#endif
