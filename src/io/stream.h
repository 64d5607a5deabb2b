/* stream.h - inside of a stream, for those who make one or wait for one in their own way. */
#ifndef TELAR_IO_STREAM_H
#define TELAR_IO_STREAM_H
#include "run/run.h"
#include "talk/select.h"
#include "telar/stream.h"

/* Who is inside: see stream.c. */
enum {
	STREAM_READING = 1,
	STREAM_WRITING = 2,
	STREAM_CLOSING = 4,
	STREAM_CLOSED = 8,
	STREAM_FED = 16
};

struct feed;
struct tl_stream {
	int fd; /* -1: over functions of the caller's, see transport.c */
	uint32_t stamp;
	_Atomic uint32_t state;
	bool socket;
	/* the reader's */
	bool dry;          /* the last read left nothing behind, so trying first is vain */
	uint8_t returns;   /* how often in a row it was back before its loop looked again */
	uint32_t looks;    /* of its loop, at the last read */
	struct feed *feed; /* NULL: not yet */
	_Atomic bool lent; /* the descriptor is known outside: nothing is received ahead */
};

/* Room for a stream, not yet of a descriptor; mem_free undoes it.  NULL: no memory. */
tl_stream *stream_room(void);
/* fd, non-blocking, is s's from now on. */
tl_stream *stream_fill(tl_stream *s, int fd, bool socket);

/* Be the one who reads or writes; -EBUSY.  The last to leave a closed stream frees it. */
int stream_enter(tl_stream *s, uint32_t direction);
int stream_leave(tl_stream *s, uint32_t as);
bool stream_closed(const tl_stream *s);
/* tl_read or tl_write for who is inside; no cancel point before it waits. */
ssize_t stream_transfer(tl_stream *s, uint32_t direction, void *buf, size_t n, tl_time deadline);

/* TL_RECV and TL_SEND: stream_select.c. */
extern const struct select_kind stream_kind;

#endif
