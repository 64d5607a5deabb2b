/* transport.h - streams over functions of the caller's: what stream.c calls where there is no
 * descriptor. */
#ifndef TELAR_IO_TRANSPORT_H
#define TELAR_IO_TRANSPORT_H
#include "io/stream.h"

/* tl_read or tl_write, for who is inside. */
ssize_t transport_move(tl_stream *s, uint32_t direction, void *buf, size_t n, tl_time deadline);
int transport_shut(tl_stream *s, int directions);
/* Before s is marked closed: how long its close may take, whoever will call it. */
void transport_closing(tl_stream *s, tl_time deadline);
int transport_close(tl_stream *s);

#endif
