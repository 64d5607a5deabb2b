/* value_cbor.c - values as CBOR, by libcbor's encoders and its streaming decoder, which takes no
 * memory and knows no values of ours.
 *
 * Decoding goes over the bytes twice: first everything is checked and counted, then one block is
 * taken and filled, as value.c lays it out.  Lengths are believed only as far as the bytes that are
 * left could hold them: each item takes one byte at least, so `owed`, the items that lists and maps
 * have promised and that are still to come, is never more than what is left.  Hence no list begins
 * that cannot end, and the block is at most 16 bytes and a zero for each byte. */
#include "value.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef TELAR_CBOR
#include <cbor.h>
#include <math.h>

enum { TAG_OBJECT = 39 };

/* -- encode */

struct out {
	unsigned char *buf;
	size_t cap, n;
};

/* Where an item's head goes: into the buffer if there is room for the longest. */
#define HEAD(o, how, ...) \
	do { \
		unsigned char aside_[9], *at_ = aside_; \
		if ((o)->n < (o)->cap && (o)->cap - (o)->n >= sizeof aside_) \
			at_ = (o)->buf + (o)->n; \
		put(o, at_, how(__VA_ARGS__, at_, sizeof aside_)); \
	} while (0)

static void put(struct out *o, const void *p, size_t n)
{
	if (n && o->n <= o->cap && n <= o->cap - o->n && p != o->buf + o->n)
		memcpy(o->buf + o->n, p, n);
	o->n += n;
}

static void put_int(struct out *o, int64_t i)
{
	if (i >= 0)
		HEAD(o, cbor_encode_uint, (uint64_t)i);
	else
		HEAD(o, cbor_encode_negint, ~(uint64_t)i);
}

static void put_bool(struct out *o, bool b) { HEAD(o, cbor_encode_bool, b); }

static void put_nil(struct out *o)
{
	unsigned char c = 0xf6;

	put(o, &c, 1);
}

static void put_object(struct out *o, uint64_t id)
{
	HEAD(o, cbor_encode_tag, TAG_OBJECT);
	HEAD(o, cbor_encode_uint, id);
}

static int put_text(struct out *o, tl_value v)
{
	if (!value_is_utf8(v.text, v.n))
		return -EINVAL;
	HEAD(o, cbor_encode_string_start, v.n);
	put(o, v.text, v.n);
	return 0;
}

static int put_value(struct out *o, tl_value v, int depth);

static int put_items(struct out *o, tl_value v, int depth)
{
	bool map = v.type == TL_T_MAP;
	size_t n = map ? 2 * (size_t)v.n : v.n;
	int r = 0;

	if (depth >= TL_VALUE_DEPTH)
		return -EINVAL;
	if (map)
		HEAD(o, cbor_encode_map_start, v.n);
	else
		HEAD(o, cbor_encode_array_start, v.n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (map && i % 2 == 0 && !value_is_key(v.items[i]))
			return -EINVAL;
		r = put_value(o, v.items[i], depth + 1);
	}
	return r;
}

static int put_value(struct out *o, tl_value v, int depth)
{
	if (v.n && v.type >= TL_T_TEXT && v.type <= TL_T_MAP && !v.bytes)
		return -EINVAL;
	switch (v.type) {
	case TL_T_NIL: put_nil(o); return 0;
	case TL_T_BOOL: put_bool(o, v.i != 0); return 0;
	case TL_T_INT: put_int(o, v.i); return 0;
	case TL_T_FLOAT: HEAD(o, cbor_encode_double, v.f); return 0;
	case TL_T_TEXT: return put_text(o, v);
	case TL_T_BYTES:
		HEAD(o, cbor_encode_bytestring_start, v.n);
		put(o, v.bytes, v.n);
		return 0;
	case TL_T_LIST:
	case TL_T_MAP: return put_items(o, v, depth);
	case TL_T_OBJECT: put_object(o, v.object); return 0;
	default: return -EINVAL;
	}
}

int tl_value_encode(tl_value v, void *buf, size_t cap)
{
	struct out o = { buf, cap, 0 };
	int r = put_value(&o, v, 0);

	if (r < 0)
		return r;
	return o.n <= INT_MAX ? (int)o.n : -EMSGSIZE;
}

/* -- decode */

struct open {
	tl_value *next; /* where its next item goes; NULL while counting */
	size_t left;    /* items to come */
	bool map;
};

struct in {
	const unsigned char *buf;
	size_t n, at;
	const char *wrong;      /* the first thing that is */
	size_t items, bytes;    /* counted; then, where the next go */
	tl_value *block, *root; /* NULL: only counting */
	char *text;
	size_t owed;
	bool tagged; /* an object's id comes next */
	int depth;
	struct open open[TL_VALUE_DEPTH];
};

static void refuse(struct in *in, const char *why) { in->wrong = in->wrong ? in->wrong : why; }

/* An item has come whose own items, if any, do not count here. */
static void take(struct in *in, tl_value v)
{
	struct open *in_it = in->depth ? &in->open[in->depth - 1] : NULL;

	if (in->tagged && v.type != TL_T_OBJECT)
		return refuse(in, "an object's id that is no number");
	in->tagged = false;
	if (!in_it) {
		if (in->root)
			*in->root = v;
		return;
	}
	if (in_it->map && in_it->left % 2 == 0 && !value_is_key(v))
		return refuse(in, "a key that can be none");
	in_it->left--;
	in->owed--;
	if (in_it->next)
		*in_it->next++ = v;
}

/* Lists and maps that are full end, and so perhaps those around them. */
static void end_full(struct in *in)
{
	while (in->depth && in->open[in->depth - 1].left == 0)
		in->depth--;
}

static void take_uint(struct in *in, uint64_t x)
{
	tl_value v = TL_NIL;

	if (in->tagged) {
		v.type = TL_T_OBJECT;
		v.object = x;
		return take(in, v);
	}
	if (x > INT64_MAX)
		return refuse(in, "a whole number beyond 64 bits");
	take(in, TL_INT((int64_t)x));
}

static void take_negint(struct in *in, uint64_t x)
{
	if (x > INT64_MAX)
		return refuse(in, "a whole number beyond 64 bits");
	take(in, TL_INT(-1 - (int64_t)x));
}

static void take_string(struct in *in, enum tl_type type, const unsigned char *p, size_t n)
{
	tl_value v = tl_value_make(type, n, 0, p);

	if (n >= UINT32_MAX)
		return refuse(in, "too long");
	if (in->text) {
		char *to = in->text + in->bytes;

		if (n)
			memcpy(to, p, n);
		to[n] = 0;
		v.bytes = to;
	} else if (type == TL_T_TEXT && !value_is_utf8((const char *)p, n)) {
		return refuse(in, "a text that is no UTF-8");
	}
	in->bytes += n + 1;
	take(in, v);
}

/* n is how many items are told; its head is one byte of what is left. */
static void take_items(struct in *in, enum tl_type type, size_t n)
{
	size_t left = in->n - in->at - 1, each = type == TL_T_MAP ? 2 : 1;
	tl_value *at = in->block ? in->block + in->items : NULL;

	if (n >= UINT32_MAX || n > left / each || n * each + in->owed > left + (in->depth > 0))
		return refuse(in, "more items than bytes are left");
	if (in->depth == TL_VALUE_DEPTH)
		return refuse(in, "nested too deep");
	take(in, tl_value_make(type, n, 0, n ? at : NULL));
	if (in->wrong)
		return;
	in->items += n * each;
	in->owed += n * each;
	in->open[in->depth++] = (struct open){ at, n * each, type == TL_T_MAP };
}

static void on_uint8(void *in, uint8_t x) { take_uint(in, x); }
static void on_uint16(void *in, uint16_t x) { take_uint(in, x); }
static void on_uint32(void *in, uint32_t x) { take_uint(in, x); }
static void on_uint64(void *in, uint64_t x) { take_uint(in, x); }
static void on_negint8(void *in, uint8_t x) { take_negint(in, x); }
static void on_negint16(void *in, uint16_t x) { take_negint(in, x); }
static void on_negint32(void *in, uint32_t x) { take_negint(in, x); }
static void on_negint64(void *in, uint64_t x) { take_negint(in, x); }
static void on_float(void *in, float f) { take(in, TL_NUM((double)f)); }
static void on_double(void *in, double f) { take(in, TL_NUM(f)); }
static void on_bool(void *in, bool b) { take(in, TL_BOOL(b)); }
static void on_null(void *in) { take(in, TL_NIL); }
static void on_bytes(void *in, cbor_data p, size_t n) { take_string(in, TL_T_BYTES, p, n); }
static void on_text(void *in, cbor_data p, size_t n) { take_string(in, TL_T_TEXT, p, n); }
static void on_list(void *in, size_t n) { take_items(in, TL_T_LIST, n); }
static void on_map(void *in, size_t n) { take_items(in, TL_T_MAP, n); }
static void on_undefined(void *in) { refuse(in, "undefined, which is no value here"); }
static void on_later(void *in) { refuse(in, "a length that is told later"); }
static void on_break(void *in) { refuse(in, "an end without a beginning"); }

static void on_tag(void *arg, uint64_t tag)
{
	struct in *in = arg;

	if (tag != TAG_OBJECT || in->tagged)
		return refuse(in, "a tag, which is no value here");
	in->tagged = true;
}

static const struct cbor_callbacks callbacks = {
	.uint8 = on_uint8,
	.uint16 = on_uint16,
	.uint32 = on_uint32,
	.uint64 = on_uint64,
	.negint8 = on_negint8,
	.negint16 = on_negint16,
	.negint32 = on_negint32,
	.negint64 = on_negint64,
	.byte_string = on_bytes,
	.byte_string_start = on_later,
	.string = on_text,
	.string_start = on_later,
	.indef_array_start = on_later,
	.array_start = on_list,
	.indef_map_start = on_later,
	.map_start = on_map,
	.tag = on_tag,
	.float2 = on_float,
	.float4 = on_float,
	.float8 = on_double,
	.undefined = on_undefined,
	.null = on_null,
	.boolean = on_bool,
	.indef_break = on_break,
};

/* All of the bytes, once. */
static void walk(struct in *in)
{
	in->at = in->items = in->bytes = in->owed = 0;
	do {
		struct cbor_decoder_result d =
			cbor_stream_decode(in->buf + in->at, in->n - in->at, &callbacks, in);

		if (d.status == CBOR_DECODER_NEDATA)
			refuse(in, "it ends in the middle");
		else if (d.status == CBOR_DECODER_ERROR)
			refuse(in, "no CBOR");
		if (in->wrong)
			return;
		in->at += d.read;
		if (!in->tagged)
			end_full(in);
	} while (in->depth || in->tagged);
	if (in->at < in->n)
		refuse(in, "bytes after the value");
}

static int decode(struct in *in, tl_value *ret)
{
	tl_value v = TL_NIL;
	void *block = NULL;
	int r;

	walk(in);
	if (in->wrong)
		return -EPROTO;
	if (in->items + in->bytes) {
		block = malloc(in->items * sizeof v + in->bytes);
		if (!block)
			return -ENOMEM;
		in->block = block;
		in->text = (char *)(in->block + in->items);
	}
	in->root = &v;
	walk(in);
	r = value_sound(v, 0);
	if (r == -EINVAL)
		refuse(in, "a key that is there twice");
	if (r < 0) {
		free(block);
		return r == -EINVAL ? -EPROTO : r;
	}
	*ret = v;
	return 0;
}

int tl_value_decode(const void *buf, size_t n, tl_value *ret)
{
	struct in in = { .buf = buf, .n = n };

	return decode(&in, ret);
}

int tl_value_check(const void *buf, size_t n, char *why, size_t cap)
{
	struct in in = { .buf = buf, .n = n };
	tl_value v = TL_NIL;
	int r = decode(&in, &v);

	if (cap)
		why[0] = 0;
	if (r == -EPROTO)
		snprintf(why, cap, "byte %zu: %s", in.at, in.wrong);
	tl_value_free(&v);
	return r;
}

#else

int tl_value_encode(tl_value v, void *buf, size_t cap)
{
	(void)v, (void)buf, (void)cap;
	return -ENOTSUP;
}

int tl_value_decode(const void *buf, size_t n, tl_value *ret)
{
	(void)buf, (void)n, (void)ret;
	return -ENOTSUP;
}

int tl_value_check(const void *buf, size_t n, char *why, size_t cap)
{
	(void)buf, (void)n;
	if (cap)
		why[0] = 0;
	return -ENOTSUP;
}

#endif
