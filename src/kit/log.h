/* log.h - what the files of logging share: a record, a growing text, a compiled format, a handler
 * with its sink.  See telar/log.h; log.c keeps the loggers. */
#ifndef TELAR_KIT_LOG_H
#define TELAR_KIT_LOG_H
#include <stdarg.h>
#include <stdatomic.h>
#include <telar/log.h>
#include <telar/queue.h>
#include <telar/strand.h>
#include <telar/sync.h>
#include <time.h>

enum {
	LOG_MESSAGE = 64 << 10, /* bytes of a message, then it is cut */
	LOG_TEXT = 1 << 20,     /* bytes of a formatted record */
	LOG_TAIL = 16           /* room kept for what must end a text that was cut */
};

/* -- log_text.c: bytes that begin on the stack and go on on the heap.  One that finds no more
 * memory, or comes to its end, takes no more and is cut. */
struct text {
	char *at;
	size_t n, cap, most;
	bool cut;
	char begin[1000];
};
void text_init(struct text *t, size_t most);
void text_free(struct text *t);
void text_put(struct text *t, const char *bytes, size_t n); /* all of it or as much as fits */
void text_putf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_vputf(struct text *t, const char *fmt, va_list args);
void text_end(struct text *t, const char *tail); /* at most LOG_TAIL bytes; always fits */

/* -- a record; its texts belong to the call that carries it */
struct record {
	int level, line;
	bool hurries;       /* must not wait for a lock */
	const char *logger; /* these and func: never NULL */
	const char *file, *func;
	struct timespec at; /* wall clock */
	pid_t process, thread;
	uint64_t strand;
	const char *strand_name, *thread_name, *task_name; /* task_name NULL: no task */
	const char *message;
	size_t size;
};

/* What a format asks of a record that costs something to know. */
enum { NEED_STRAND = 1, NEED_THREAD = 2, NEED_OS_ID = 4 };

const char *log_level_name(int level, char buf[24]);
extern const char log_self[]; /* the logger of what a handler says about itself */

/* -- log_format.c: a format is a list of pieces */
struct format {
	struct piece *pieces;
	size_t n;
	unsigned needs;
	char *date; /* for strftime, or NULL */
};
/* why: see tl_format_check. */
int format_open(struct format *ret, const char *format, const char *date, char *why, size_t cap);
void format_close(struct format *f);
void format_record(const struct format *f, struct text *t, const struct record *rec);

/* -- log_json.c */
void json_record(struct text *t, const struct record *rec);
enum { JSON_NEEDS = NEED_STRAND | NEED_THREAD | NEED_OS_ID };

/* -- log_time.c */
void log_local(const struct timespec *at, struct tm *ret, int *ret_offset);
extern const char log_months[12][4];

/* -- log.c */
void log_record(const tl_logger *l, struct record *rec, const char *fmt, va_list args);
void log_forget(const tl_handler *h); /* take it from all loggers */

/* -- log_gate.c: who is inside a logging call; nothing is freed under its eyes */
unsigned gate_enter(void);
void gate_leave(unsigned pass);
int gate_wait(tl_time deadline); /* until all have left who are inside now */

/* -- log_fork.c */
extern _Atomic unsigned log_forks; /* how often this process is the child of a fork */
extern _Atomic int log_process;    /* its number */
pid_t log_thread(void);            /* the number of the calling thread */
int log_fork_watch(void);
void gate_forked(void);
void files_forked(void);

/* -- handlers.  lock: one record at a time; guards pending, forks and what a sink keeps. */
struct sink {
	int (*open)(struct tl_handler *h, const tl_handler_opts *o);
	void (*close)(struct tl_handler *h); /* also of one that has only begun to open */
	/* Write whole lines, or nothing: 0 or an errno < 0.  Under lock. */
	int (*write)(struct tl_handler *h, int level, const char *lines, size_t n);
	bool datagrams; /* one write per record, without a newline */
};

struct tl_handler {
	const struct sink *sink; /* NULL: a queue */
	int level;
	bool json, parted; /* parted: the last line is not whole; shown by a line break */
	struct format format;
	unsigned needs;
	tl_lock lock;
	unsigned forks;
	uint64_t pending; /* dropped, and not yet told; why: the last errno */
	int why;
	_Atomic uint64_t dropped;
	_Atomic int users;   /* queues that hand on to it */
	_Atomic bool reopen; /* see tl_handler_reopen */
	int fd, kind;        /* -1: none; of log_fd.c */
	dev_t device;        /* of log_file.c: which file fd is, */
	ino_t inode;
	int64_t end; /* where a whole line of ours ended, or another's when we came; -1: unknown */
	int64_t looked;      /* when: whether the path still names it */
	bool regular, locks; /* locks: flock around each line */
	char *path;          /* of the file or socket */
	uint64_t max_bytes;
	unsigned backups;
	int facility;
	char ident[48];
	void (*fn)(void *arg, int level, const char *line, size_t size);
	void *arg;
	struct log_queue *queue;
	tl_handler *next;              /* of log_open.c */
	tl_handler *_Atomic next_file; /* of log_file.c */
};

/* The first line of a cancel point. */
static inline int log_checkpoint(tl_time deadline)
{
	return deadline.ns == TL_POLL.ns ? 0 : tl_checkpoint();
}

struct log_queue;
void handler_emit(tl_handler *h, const struct record *rec);
void handler_drop(tl_handler *h, int why); /* count one; under lock */
/* What is to be said about n records that are gone. */
void handler_notice(struct record *ret, char text[96], uint64_t n, int why);

extern const struct sink sink_fd, sink_file, sink_syslog, sink_fn;
int fd_kind(int fd);
/* Write it all.  < 0: not a byte was written, or *ret_done < n were and no more can be. */
int fd_write(int fd, int kind, const char *bytes, size_t n, size_t *ret_done);

/* -- log_file.c */
int file_lock(int fd, int how); /* flock */

/* -- log_append.c: into a regular file, which is locked if h->locks */
bool append_joins(int fd);        /* lines need no lock there; from now on others know of us */
void append_looks(tl_handler *h); /* where does it end, if we do not know yet? */
/* It was `size` long: a part of a line at its end is taken away; answers its length now. */
int64_t append_repair(tl_handler *h, int64_t size);
int append_lines(tl_handler *h, const char *lines, size_t n);

/* -- log_queue.c */
int queue_open(tl_handler *h, const tl_handler_opts *o);
void queue_close(tl_handler *h);
void queue_emit(tl_handler *h, const struct record *rec);
int queue_drain(tl_handler *h, tl_time deadline);

#endif
