/* pipe.h - the inside of a pipe, for select. */
#ifndef TELAR_TALK_PIPE_H
#define TELAR_TALK_PIPE_H
#include "talk/bell.h"
#include "talk/shared_queue.h"
#include "telar/pipe.h"

enum { PIPE_HOLDERS = 64, PIPE_OFFERS = 64 };

/* Who receives descriptors at an end, see pipe_fd.c. */
struct pipe_offers {
	struct bell bell;      /* rings when there is one more, or the end has come */
	uint64_t name, secret; /* do not change; an offer is the other half of a name */
	_Atomic uint64_t place[PIPE_OFFERS];
};

struct tl_pipe {
	tl_queue *in, *out; /* NULL: not this way */
	struct tl_pipe *peer;
	bool shared;
	/* of a shared one: the processes that have used this end, and who opened it */
	uint32_t opener;
	_Atomic int64_t looked; /* when somebody here, who did not wait, looked at the other end */
	_Atomic uint32_t holders[PIPE_HOLDERS];
	struct pipe_offers offers;
};

/* After a call that answers r, which waited not at all, or not for long: is the other end closed by
 * now?  Looks now and then. */
bool pipe_ended_meanwhile(tl_pipe *p, int r);

/* pipe_fd.c: p is being made */
void pipe_fd_prepare(tl_pipe *p);

/* Cancelled, not this way, or too many use it: what each call looks at first. */
int pipe_begin(tl_pipe *p, const tl_queue *way, tl_time deadline);

/* The other end's processes have all ended: -EPIPE, and it is closed from now on. */
int pipe_peer_gone(tl_pipe *p);

#endif
