/* pipe.h - the inside of a pipe, for select. */
#ifndef TELAR_TALK_PIPE_H
#define TELAR_TALK_PIPE_H
#include "talk/shared_queue.h"
#include "telar/pipe.h"

enum { PIPE_HOLDERS = 64 };

struct tl_pipe {
	tl_queue *in, *out; /* NULL: not this way */
	struct tl_pipe *peer;
	bool shared;
	/* of a shared one: the processes that have used this end, and who opened it */
	uint32_t opener;
	_Atomic int64_t looked; /* when somebody here, who did not wait, looked at the other end */
	_Atomic uint32_t holders[PIPE_HOLDERS];
};

/* The other end's processes have all ended: -EPIPE, and it is closed from now on. */
int pipe_peer_gone(tl_pipe *p);

#endif
