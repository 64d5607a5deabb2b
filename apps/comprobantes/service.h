/* service.h - the running service: what its strands share.
 *
 * The connections are tasks of the main thread: what is marked "loop" is touched by them only and
 * needs no lock.  The stages are threads; they get jobs through the queues. */
#ifndef SERVICE_H
#define SERVICE_H
#include "db.h"
#include "metrics.h"
#include <openssl/evp.h>

#define SERVICE_SLOTS      32          /* uploads that are being read at once */
#define SERVICE_READ       (32u << 10) /* bytes of an upload read at once */
#define SERVICE_HEADROOM   128         /* before them, for what the form's parser had held back */
#define SERVICE_VALIDATORS 4           /* strands, at most */
#define SERVICE_DEPTH      128         /* receipts that wait for a stage behind the first */

struct service_opts {
	const char *data, *listen;
	size_t limit; /* bytes of a file */
	tl_span drain, idle, keep;
	size_t queue;       /* uploads that wait for a slot */
	size_t connections; /* at once */
};

/* A connection between two requests: a node in its task's frame. */
struct seat {
	struct seat *next, **link;
	int fd;
};

struct service {
	struct service_opts opts;
	int dir, files, notices; /* --data, and in it: files, maildir/new */
	bool made, undo;         /* --data was not there; what was made is to go again */
	unsigned found;          /* which parts were there: data.c */
	struct metrics metrics;
	EVP_MD *sha256;

	/* loop */
	bool draining;
	tl_time stop;       /* when the drain is to have ended */
	struct seat *seats; /* the idle connections */
	tl_sem slots;
	size_t waiting, uploading; /* for a slot; in one, or between two */
	size_t connections;
	char *buffers, *free_buffer; /* SERVICE_SLOTS of them; each free one names the next */
	/* These three are for the moment only: their bytes do not outlive a wait. */
	char scratch[512];   /* what has been read */
	char json[1024];     /* a body */
	char out[4096];      /* an answer */
	char bin[16u << 10]; /* what is read to be thrown away; also across waits */

	/* the stages */
	tl_queue *validate, *store, *notify; /* of struct job *, struct job *, struct notice */
	int validators;
	tl_strand validating[SERVICE_VALIDATORS], storing, notifying;
	struct magic_set *magic[SERVICE_VALIDATORS]; /* one for each: libmagic's state */
	struct db *rows, *outbox, *look;
	tl_lock writing;         /* whose turn it is to write: rows or outbox */
	_Atomic bool owed;       /* some notice was not queued: look into the table */
	_Atomic int64_t stop_ns; /* no notice is begun after this time; 0: none set */
};

/* One line on stderr, for whoever runs the service. */
__attribute__((format(printf, 1, 2))) void service_say(const char *format, ...);

/* Milliseconds since 1970. */
int64_t service_wall_ms(void);

#endif
