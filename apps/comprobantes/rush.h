/* rush.h - one rush: what its files share.
 *
 * All of it is touched by one thread only, rush's own, whose tasks are the clients; the exceptions
 * are said where they are. */
#ifndef RUSH_H
#define RUSH_H
#include "rush_plan.h"
#include <limits.h>
#include <telar.h>

#define RUSH_LIMIT (2u << 20) /* --limit of the service that is started */
#define RUSH_STALL 120        /* seconds without any progress: the rush has failed */
#define RUSH_KILLS 32         /* at most */

enum rush_stage { RUSH_ATTACH, RUSH_VALIDATE, RUSH_STORE, RUSH_NOTIFY };
#define RUSH_STAGES 4

struct rush_opts {
	uint32_t students, kills;
	uint64_t seed;
	const char *data; /* NULL: a temporary folder */
	bool keep, compare, quiet;
	const char *server; /* another program than this one that serves; NULL: this one */
	const char *only;   /* hidden: one of the ways that --compare compares */
};

/* What one student was told, and what the audit found. */
struct rush_result {
	char id[48], sha256[65]; /* told with 200 or 201 */
	int status;              /* the answer that counts; 0: none yet */
	uint32_t uploads;        /* how often it was sent, in whole or in part */
	int64_t begun_ms;        /* wall clock: when the answered upload began */
	int64_t waited_ns;       /* from the start of the rush to that answer */
	uint32_t notices;
	bool row, file, wrong, lost;
};

/* The service under test, in a process of its own. */
struct rush_server {
	pid_t pid; /* 0: not running */
	int pidfd;
	tl_stream *out; /* its standard output, until a watcher has it */
	char address[64];
	bool stopping; /* its end is expected */
	uint64_t peak_kib;
	double cpu_s; /* of all processes that have ended */
};

struct rush_run {
	const struct rush_opts *opts;
	struct rush_plan plan;
	struct rush_result *results;
	struct rush_server server;
	char dir[PATH_MAX];
	bool made;       /* the folder that was asked for was not there */
	tl_scope *scope; /* cancelled by a signal and by rush_fail; NULL: nothing to cancel */
	tl_event connected_all, go, kill_now;
	tl_time started, moved; /* the go; the last progress */
	int64_t answered_ns;    /* from the go to the last answer */
	uint32_t connected, answered, accepted, rejected, notified;
	uint32_t busy, late, dropped; /* answers 503, answers 408, connections lost */
	uint32_t kills, kill_at[RUSH_KILLS];
	uint64_t sent;
	uint32_t lost, wrong;
	int64_t *times[RUSH_STAGES]; /* ms, one per row */
	uint32_t rows;
	double wall_s; /* from the go until the last notice was out */
	int signal;    /* that ended it */
	char why[256]; /* it failed; "": it did not */
};

/* -- rush_run.c */
/* The whole rush; answers the exit status. */
int rush_run(struct rush_run *run);
/* The rush cannot go on: remember the first reason, and cancel all. */
__attribute__((format(printf, 2, 3))) void rush_fail(struct rush_run *run, const char *format, ...);
int64_t rush_wall_ms(void);

/* -- rush_server.c */
/* Start the program at path (NULL: this very one) with argv, in a process group of its own; what it
 * prints is *out. */
int rush_spawn(pid_t *pid, tl_stream **out, const char *path, char *const argv[]);
/* Start it on `listen`; 0 when it says that it listens.  On failure the reason is in run->why. */
int rush_server_start(struct rush_run *run, const char *listen);
/* A free address to listen on, now and again after a kill. */
const char *rush_server_place(char *buf, size_t cap);
/* Note how much memory it has used so far. */
void rush_server_sample(struct rush_server *s);
/* Send it `signal` and wait for its end, at most `patience`; then it is killed.  Answers its wait
 * status. */
int rush_server_end(struct rush_server *s, int signal, tl_span patience);

/* -- rush_client.c */
int rush_client(void *run_and_index);
struct rush_client {
	struct rush_run *run;
	uint32_t i;
};
/* Ask the service about the receipts of a few students, as anyone may. */
int rush_look(struct rush_run *run);

/* -- rush_audit.c: from outside, when the service has ended */
int rush_audit(struct rush_run *run);
/* How many rows say that their notice is out; -EAGAIN: cannot be seen now. */
int rush_count_notified(const char *dir);

/* -- rush_table.c */
void rush_progress(struct rush_run *run, bool last);
void rush_table(struct rush_run *run);

/* -- rush_compare.c */
int rush_compare(const struct rush_opts *o);
int rush_compare_one(const struct rush_opts *o);

/* -- rush.c */
/* A fresh folder for a rush; 0, or -1 after a line on stderr. */
int rush_temp_make(char dir[PATH_MAX]);
void rush_temp_remove(const char *dir);
/* Allow this program, and what it starts, n open files; 0, or -1 after a line on stderr. */
int rush_allow_files(uint32_t n);

#endif
