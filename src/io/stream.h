/* stream.h - inside of a stream, for those who make one. */
#ifndef TELAR_IO_STREAM_H
#define TELAR_IO_STREAM_H
#include "telar/stream.h"

/* Room for a stream, not yet of a descriptor; mem_free undoes it.  NULL: no memory. */
tl_stream *stream_room(void);
/* fd, non-blocking, is s's from now on. */
tl_stream *stream_fill(tl_stream *s, int fd, bool socket);

#endif
