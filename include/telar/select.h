/* telar/select.h - wait for the first of several things, and commit exactly that one.
 *
 *	tl_case c[] = { TL_GET(orders, &o, sizeof o), TL_JOINED(worker), TL_READABLE(fd) };
 *	switch (tl_select(c, 3, tl_after(tl_s(1)))) { case 0: ... } */
#ifndef TELAR_SELECT_H
#define TELAR_SELECT_H
#include <telar/future.h>
#include <telar/queue.h>
#include <telar/strand.h>
#include <telar/sync.h>
#ifdef __cplusplus
extern "C" {
#endif

enum tl_what {
	TL_W_GET = 1,
	TL_W_PUT,
	TL_W_DONE,
	TL_W_JOINED,
	TL_W_READABLE,
	TL_W_WRITABLE,
	TL_W_SET
};

typedef struct tl_case {
	enum tl_what what;
	int fd;
	void *object;
	tl_strand strand;
	void *item;
	size_t size;
	int result; /* of the committed case: what the call alone would have answered */
	uint64_t reserved[2];
} tl_case;

static inline tl_case tl_case_make(
	enum tl_what what, int fd, void *object, tl_strand strand, void *item, size_t size)
{
	tl_case c = { what, fd, object, strand, item, size, 0, { 0, 0 } };
	return c;
}
#define TL_NO_STRAND    TL_MAKE(tl_strand, 0)
#define TL_GET(q, p, n) tl_case_make(TL_W_GET, -1, (q), TL_NO_STRAND, (p), (n))
#define TL_PUT(q, p, n) tl_case_make(TL_W_PUT, -1, (q), TL_NO_STRAND, (p), (n))
#define TL_DONE(f)      tl_case_make(TL_W_DONE, -1, (f), TL_NO_STRAND, NULL, 0)
#define TL_JOINED(t)    tl_case_make(TL_W_JOINED, -1, NULL, (t), NULL, 0)
#define TL_READABLE(f)  tl_case_make(TL_W_READABLE, (f), NULL, TL_NO_STRAND, NULL, 0)
#define TL_WRITABLE(f)  tl_case_make(TL_W_WRITABLE, (f), NULL, TL_NO_STRAND, NULL, 0)
#define TL_SET(e)       tl_case_make(TL_W_SET, -1, (e), TL_NO_STRAND, NULL, 0)

/* Wait until one of cases[0..n) can be done, do it, and answer its index.  Its .result holds what
 * the single call would have answered: the size for TL_GET; an error (-EPIPE of an ended queue,
 * -ESRCH of an unknown strand) also commits. Several ready at once: one of them, by chance.  Cancel
 * point; none is done on failure. Errors: -ETIMEDOUT, -ECANCELED, -EAGAIN (TL_POLL), -EINVAL (n is
 * 0 or above 64, or an unknown case). */
TL_API int tl_select(tl_case *cases, size_t n, tl_time deadline) TL_MUST;

#ifdef __cplusplus
}
#endif
#endif
