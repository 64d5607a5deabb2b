/* job.h - one receipt on its way through the stages.
 *
 * Two hold it: the connection that waits for .done, and the stage (or queue) that has it at the
 * moment.  Whoever lets go last frees it, so a connection that is cut off leaves the rest alone.
 * Before .done is set only the stage touches the fields, after it only the connection. */
#ifndef JOB_H
#define JOB_H
#include "db.h"
#include <stdatomic.h>

struct job {
	_Atomic int holders;
	tl_future done;
	tl_store *store; /* its bytes */
	struct row row;
	enum type declared;
	tl_time since; /* it entered its stage */
	int r;         /* of its commit */
	enum why why;  /* WHY_NONE: accepted */
	bool again;    /* it had been accepted before: row.id is the first one's */
};

/* What goes to the notify strand. */
struct notice {
	struct row row;
	tl_time since;
};

/* A new one, held once.  NULL: no memory. */
struct job *job_new(void);
/* The stage's own hold, to be taken before the job is put into a queue. */
void job_hold(struct job *job);
void job_drop(struct job *job);

/* The stage is through with it: say so to the connection, and let go. */
void job_answer(struct job *job, enum why why);

#endif
