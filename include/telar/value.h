/* telar/value.h - data as a value: what goes to a manager and comes back, and what can be written
 * as CBOR (RFC 8949).  Data only: no code, no pointers into anybody's memory.
 *
 *	tl_value pairs[] = { TL_INT(1), TL_STR("1"), TL_STR("2"), TL_INT(2), TL_NUM(0.25), TL_NIL };
 *	tl_value_text(TL_MAP(pairs, 3), buf, sizeof buf);       // {1: '1', '2': 2, 0.25: None}
 *
 * Whose memory.  A value that you build (the macros below) only points at what you gave it: it is
 * good for as long as that is, and is never freed.  A value that telar hands out through a ret
 * (tl_value_decode, tl_value_copy, tl_object_get ...) is yours, whole, in one piece of memory: give
 * just that value to tl_value_free, once, never a part of it.  A part that is to stay is copied.
 *
 * Keys of maps are nil, truth values, numbers, texts or bytes; 1, 1.0 and true are one key, as in
 * Python; one that is not a number (NaN) is none.  Texts are UTF-8.  Nothing is nested deeper than
 * TL_VALUE_DEPTH.  None of these functions is a cancel point. */
#ifndef TELAR_VALUE_H
#define TELAR_VALUE_H
#include <string.h>
#include <telar/base.h>
#ifdef __cplusplus
extern "C" {
#endif

enum tl_type {
	TL_T_NIL = 0,
	TL_T_BOOL,  /* .i is 0 or 1 */
	TL_T_INT,   /* .i */
	TL_T_FLOAT, /* .f */
	TL_T_TEXT, /* .text, n bytes of UTF-8; of what telar hands out a zero byte follows */
	TL_T_BYTES,  /* .bytes, n of them */
	TL_T_LIST,   /* .items, n of them */
	TL_T_MAP,    /* .items, n pairs: key, value, key, value ... */
	TL_T_OBJECT, /* .object: the id of an object of a manager, see telar/manager.h */
	TL_T_TYPES
};

/* How deep lists and maps may be nested: one that holds no other is 1 deep. */
#define TL_VALUE_DEPTH 64

typedef struct tl_value {
	enum tl_type type;
	uint32_t n;
	union {
		int64_t i;
		double f;
		uint64_t object;
		const char *text;
		const void *bytes;
		const struct tl_value *items;
	};
} tl_value;

/* What the macros below call. */
static inline tl_value tl_value_make(enum tl_type type, size_t n, int64_t i, const void *p)
{
	tl_value v = { type, n < UINT32_MAX ? (uint32_t)n : UINT32_MAX, { i } };

	if (type >= TL_T_TEXT && type <= TL_T_MAP)
		v.bytes = p;
	return v;
}
/* What TL_NUM calls. */
static inline tl_value tl_value_number(double f)
{
	tl_value v = tl_value_make(TL_T_FLOAT, 0, 0, NULL);

	v.f = f;
	return v;
}
/* What TL_STR calls. */
static inline tl_value tl_value_string(const char *s)
{
	return tl_value_make(TL_T_TEXT, strlen(s), 0, s);
}
#define TL_NIL            tl_value_make(TL_T_NIL, 0, 0, NULL)
#define TL_BOOL(b)        tl_value_make(TL_T_BOOL, 0, (b) ? 1 : 0, NULL)
#define TL_INT(x)         tl_value_make(TL_T_INT, 0, (x), NULL)
#define TL_NUM(x)         tl_value_number(x)
#define TL_STR(s)         tl_value_string(s)                    /* up to its zero byte */
#define TL_TEXT(p, n)     tl_value_make(TL_T_TEXT, (n), 0, (p)) /* n bytes of UTF-8 */
#define TL_BYTES(p, n)    tl_value_make(TL_T_BYTES, (n), 0, (p))
#define TL_LIST(items, n) tl_value_make(TL_T_LIST, (n), 0, (items)) /* n values */
#define TL_MAP(pairs, n)  tl_value_make(TL_T_MAP, (n), 0, (pairs))  /* 2 * n values */

/* Write v as CBOR into buf[0..cap).  Answers the whole length; if that is more than cap, what is in
 * buf is worth nothing, and it can be NULL if cap is 0.  A key that is twice in a map is not looked
 * for: who decodes it refuses it.  Errors: -EINVAL (a text that is no UTF-8, a key that is none, a
 * pointer that is NULL, an unknown type, too deep), -EMSGSIZE (longer than INT_MAX), -ENOTSUP (this
 * build has no libcbor).  Ownership: v stays the caller's.  Source: RFC 8949; an object: tag 39. */
TL_API int tl_value_encode(tl_value v, void *buf, size_t cap);

/* Read the one value that buf[0..n) holds.  The bytes may come from a stranger: no more memory is
 * taken than 32 times as many bytes as there are, and *ret keeps nothing of buf.  Errors: -EPROTO
 * (see tl_value_check, which says what is wrong), -ENOMEM, -ENOTSUP (this build has no libcbor).
 * Ownership: *ret is the caller's, for tl_value_free; untouched on failure. */
TL_API int tl_value_decode(const void *buf, size_t n, tl_value *ret) TL_MUST;

/* Say in why[0..cap) what is wrong with buf[0..n), and at which byte: that it ends in the middle,
 * goes on after the value, is too deep, has a key twice, a length beyond its end, no UTF-8, a whole
 * number beyond 64 bits, or what is no data here (tags, undefined, lengths that are told later).
 * Answers as tl_value_decode would, without *ret; why is "" unless that is -EPROTO.  It may be
 * NULL if cap is 0. */
TL_API int tl_value_check(const void *buf, size_t n, char *why, size_t cap);

/* Write v into buf[0..cap) as Python's print shows it: None, True, 1, 0.25, 'x', b'\xff', [1, 2],
 * {'a': 1}.  Always terminated, cut if it must be; answers its whole length.  Errors: -EINVAL (too
 * deep, a pointer that is NULL, an unknown type).  Source: Python 3 repr. */
TL_API int tl_value_text(tl_value v, char *buf, size_t cap);

/* Copy all of v.  Errors: -ENOMEM, -EINVAL (as tl_value_encode has it).  Ownership: *ret is the
 * caller's, for tl_value_free; untouched on failure. */
TL_API int tl_value_copy(tl_value v, tl_value *ret) TL_MUST;

/* Free what telar handed out in *v, and make it nil.  NULL is legal, and so is what holds no memory
 * (nil, numbers, an object's id); what the caller built himself is not.  Cannot fail. */
TL_API void tl_value_free(tl_value *v);

/* Whether a and b are the same: numbers of different types by their value, maps in any order; NaN
 * is equal to nothing.  Cannot fail: what is too deep is not equal. */
TL_API bool tl_value_equal(tl_value a, tl_value b);

/* Which comes first.  ret: < 0 a, > 0 b, 0 neither.  Numbers are compared with numbers, texts with
 * texts and bytes with bytes, byte by byte, lists with lists item by item.  Errors: -EINVAL (these
 * two have no order). */
TL_API int tl_value_order(tl_value a, tl_value b, int *ret);

/* The value that the map has at key; NULL: none, or map is no map.  It is a part of map. */
TL_API const tl_value *tl_value_find(tl_value map, tl_value key);

#ifdef __cplusplus
}
#endif
#endif
