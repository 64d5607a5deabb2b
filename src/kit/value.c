/* value.c - values compared, copied and found.
 *
 * A copy is one block: first all items of lists and maps, in the order in which one meets them,
 * then all bytes.  So the first thing that the value itself points at is the block, and freeing
 * that frees everything.
 *
 * Invariant: a value that was copied or decoded is well-formed: UTF-8, keys that are keys, no
 * deeper than TL_VALUE_DEPTH.  What a caller built is checked when it is copied or encoded. */
#include "value.h"
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

bool value_is_key(tl_value v)
{
	return v.type <= TL_T_BYTES && !(v.type == TL_T_FLOAT && isnan(v.f));
}

/* The bytes that go on a character that begins with c; -1: none begins so. */
static int tail_of(unsigned char c)
{
	return c < 0x80 ? 0 : c < 0xc2 ? -1 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : c < 0xf5 ? 3 : -1;
}

/* RFC 3629: the second byte is also what keeps out the overlong, the halves of UTF-16 and what is
 * beyond U+10FFFF. */
static bool second_fits(unsigned char first, unsigned char second)
{
	unsigned char least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	unsigned char most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;

	return second >= least && second <= most;
}

bool value_is_utf8(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s, *end = p + n;

	while (p < end) {
		int tail = tail_of(*p);

		if (tail < 0 || tail >= end - p || (tail && !second_fits(p[0], p[1])))
			return false;
		for (int i = 2; i <= tail; i++)
			if ((p[i] & 0xc0) != 0x80)
				return false;
		p += 1 + tail;
	}
	return true;
}

/* -- numbers: bool, int and float are one kind */

static bool is_number(tl_value v) { return v.type >= TL_T_BOOL && v.type <= TL_T_FLOAT; }

/* Exact also where a double cannot hold the integer.  NaN is not asked. */
static int order_int_float(int64_t i, double f)
{
	int64_t whole;

	if (f >= 0x1p63)
		return -1;
	if (f < -0x1p63)
		return 1;
	whole = (int64_t)f;
	if (i != whole)
		return i < whole ? -1 : 1;
	return f == (double)whole ? 0 : f > (double)whole ? -1 : 1;
}

static int order_numbers(tl_value a, tl_value b)
{
	if (a.type != TL_T_FLOAT && b.type != TL_T_FLOAT)
		return (a.i > b.i) - (a.i < b.i);
	if (a.type != TL_T_FLOAT)
		return order_int_float(a.i, b.f);
	if (b.type != TL_T_FLOAT)
		return -order_int_float(b.i, a.f);
	return (a.f > b.f) - (a.f < b.f);
}

static bool is_nan(tl_value v) { return v.type == TL_T_FLOAT && isnan(v.f); }

static int order_bytes(tl_value a, tl_value b)
{
	uint32_t n = a.n < b.n ? a.n : b.n;
	int r = n ? memcmp(a.bytes, b.bytes, n) : 0;

	return r ? r : (a.n > b.n) - (a.n < b.n);
}

/* -- equal, order */

static bool equal(tl_value a, tl_value b, int depth);

/* Few enough to be looked for one by one. */
enum { FEW = 32 };

struct spot {
	uint64_t hash;
	size_t i;
};
static struct spot *spots_of(const tl_value *pairs, size_t n, struct spot few[FEW]);
static const tl_value *spotted(tl_value map, const struct spot *s, tl_value key);

/* b's keys are sorted by their hashes, so that what strangers send is not compared each with each:
 * only if there is no memory for that. */
static bool equal_maps(tl_value a, tl_value b, int depth)
{
	struct spot *s = a.n > FEW ? spots_of(b.items, b.n, NULL) : NULL;
	bool same = true;

	for (size_t i = 0; same && i < a.n; i++) {
		tl_value key = a.items[2 * i];
		const tl_value *other =
			s && value_is_key(key) ? spotted(b, s, key) : tl_value_find(b, key);

		same = other && equal(a.items[2 * i + 1], *other, depth);
	}
	free(s);
	return same;
}

static bool equal_lists(tl_value a, tl_value b, int depth)
{
	for (size_t i = 0; i < a.n; i++)
		if (!equal(a.items[i], b.items[i], depth))
			return false;
	return true;
}

static bool equal(tl_value a, tl_value b, int depth)
{
	if (is_number(a) && is_number(b))
		return !is_nan(a) && !is_nan(b) && order_numbers(a, b) == 0;
	if (a.type != b.type || depth > TL_VALUE_DEPTH)
		return false;
	switch (a.type) {
	case TL_T_NIL: return true;
	case TL_T_TEXT:
	case TL_T_BYTES: return a.n == b.n && order_bytes(a, b) == 0;
	case TL_T_LIST: return a.n == b.n && equal_lists(a, b, depth + 1);
	case TL_T_MAP: return a.n == b.n && equal_maps(a, b, depth + 1);
	case TL_T_OBJECT: return a.object == b.object;
	default: return false;
	}
}

bool tl_value_equal(tl_value a, tl_value b) { return equal(a, b, 0); }

static int order(tl_value a, tl_value b, int *ret, int depth)
{
	int r = 0;

	if (is_number(a) && is_number(b) && !is_nan(a) && !is_nan(b))
		return *ret = order_numbers(a, b), 0;
	if (a.type != b.type || depth > TL_VALUE_DEPTH)
		return -EINVAL;
	if (a.type == TL_T_TEXT || a.type == TL_T_BYTES)
		return *ret = order_bytes(a, b), 0;
	if (a.type != TL_T_LIST)
		return -EINVAL;
	for (size_t i = 0; r == 0 && i < a.n && i < b.n; i++) {
		if (equal(a.items[i], b.items[i], depth + 1))
			continue;
		return order(a.items[i], b.items[i], ret, depth + 1);
	}
	*ret = (a.n > b.n) - (a.n < b.n);
	return r;
}

int tl_value_order(tl_value a, tl_value b, int *ret)
{
	int which = 0, r = order(a, b, &which, 0);

	if (r == 0)
		*ret = which;
	return r;
}

const tl_value *tl_value_find(tl_value map, tl_value key)
{
	if (map.type != TL_T_MAP)
		return NULL;
	for (size_t i = 0; i < map.n; i++)
		if (equal(map.items[2 * i], key, 0))
			return &map.items[2 * i + 1];
	return NULL;
}

/* -- hash */

static uint64_t seed;

/* Without randomness it is only slower for who foresees it. */
static void draw_seed(void)
{
	if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) < 0)
		seed = (uint64_t)(uintptr_t)&seed * 0x9e3779b97f4a7c15;
}

static uint64_t mix(uint64_t h)
{
	h = (h ^ h >> 32) * 0xd6e8feb86659fd93;
	h = (h ^ h >> 32) * 0xd6e8feb86659fd93;
	return h ^ h >> 32;
}

static uint64_t hash_bytes(const unsigned char *p, size_t n)
{
	uint64_t h = mix(seed ^ n), word;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&word, p, 8);
		h = mix(h + (word ^ seed)) + 0x9e3779b97f4a7c15;
	}
	word = 0;
	if (n)
		memcpy(&word, p, n);
	return mix(h + (word ^ seed));
}

uint64_t value_hash(tl_value key)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	uint64_t bits;

	pthread_once(&once, draw_seed);
	if (key.type == TL_T_TEXT || key.type == TL_T_BYTES)
		return hash_bytes(key.bytes, key.n) + key.type;
	if (key.type == TL_T_NIL)
		return mix(seed);
	bits = (uint64_t)key.i;
	if (key.type == TL_T_FLOAT && key.f >= -0x1p63 && key.f < 0x1p63 &&
		key.f == (double)(int64_t)key.f)
		bits = (uint64_t)(int64_t)key.f; /* the same as the integer that it is equal to */
	return mix(bits ^ seed);
}

static int by_hash(const void *a, const void *b)
{
	const struct spot *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->i > y->i) - (x->i < y->i);
}

/* Where the keys are, sorted by hash; in `few`, if that is not NULL and they are, else to be freed.
 * NULL: no memory. */
static struct spot *spots_of(const tl_value *pairs, size_t n, struct spot few[FEW])
{
	struct spot *s = few && n <= FEW ? few : malloc(n * sizeof *s);

	if (!s)
		return NULL;
	for (size_t i = 0; i < n; i++)
		s[i] = (struct spot){ value_hash(pairs[2 * i]), i };
	qsort(s, n, sizeof *s, by_hash);
	return s;
}

/* What the map has at key, by its spots. */
static const tl_value *spotted(tl_value map, const struct spot *s, tl_value key)
{
	uint64_t hash = value_hash(key);
	size_t from = 0, to = map.n;

	while (from < to) {
		size_t half = from + (to - from) / 2;

		if (s[half].hash < hash)
			from = half + 1;
		else
			to = half;
	}
	for (; from < map.n && s[from].hash == hash; from++)
		if (equal(map.items[2 * s[from].i], key, 0))
			return &map.items[2 * s[from].i + 1];
	return NULL;
}

/* Among spots sorted by hash. */
static bool repeated(const tl_value *pairs, const struct spot *s, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t j = i; j-- > 0 && s[j].hash == s[i].hash;)
			if (equal(pairs[2 * s[j].i], pairs[2 * s[i].i], 0))
				return true;
	return false;
}

/* Whether a key stands there twice: 1, 0 or -ENOMEM. */
static int repeats(const tl_value *pairs, size_t n)
{
	struct spot few[FEW], *s = spots_of(pairs, n, few);
	bool r;

	if (!s)
		return -ENOMEM;
	r = repeated(pairs, s, n);
	if (s != few)
		free(s);
	return r;
}

/* -- copy */

struct block {
	size_t items, bytes; /* how many there are, or where the next ones go */
	tl_value *at;
	char *text;
};

static bool has_bytes(tl_value v) { return v.type == TL_T_TEXT || v.type == TL_T_BYTES; }
static bool has_items(tl_value v) { return v.type == TL_T_LIST || v.type == TL_T_MAP; }
static size_t items_of(tl_value v) { return v.type == TL_T_MAP ? 2 * (size_t)v.n : v.n; }

int value_sound(tl_value v, int depth)
{
	int r = v.type == TL_T_MAP && v.n > 1 ? repeats(v.items, v.n) : 0;

	if (r)
		return r < 0 ? r : -EINVAL;
	if (has_items(v) && depth >= TL_VALUE_DEPTH)
		return -EINVAL;
	for (size_t i = 0; r == 0 && has_items(v) && i < items_of(v); i++)
		r = value_sound(v.items[i], depth + 1);
	return r;
}

/* Check v, and count what it needs. */
static int measure(tl_value v, struct block *b, int depth)
{
	int r = 0;

	if (v.type >= TL_T_TYPES ||
		(v.n && v.type >= TL_T_TEXT && v.type < TL_T_OBJECT && !v.bytes))
		return -EINVAL;
	if (v.type == TL_T_TEXT && !value_is_utf8(v.text, v.n))
		return -EINVAL;
	if (has_bytes(v))
		b->bytes += (size_t)v.n + 1;
	if (!has_items(v))
		return 0;
	if (depth >= TL_VALUE_DEPTH)
		return -EINVAL;
	b->items += items_of(v);
	for (size_t i = 0; r == 0 && i < items_of(v); i++) {
		if (v.type == TL_T_MAP && i % 2 == 0 && !value_is_key(v.items[i]))
			return -EINVAL;
		r = measure(v.items[i], b, depth + 1);
	}
	return r;
}

static tl_value lay(tl_value v, struct block *b)
{
	if (has_bytes(v)) {
		char *to = b->text + b->bytes;

		if (v.n)
			memcpy(to, v.bytes, v.n);
		to[v.n] = 0;
		b->bytes += (size_t)v.n + 1;
		v.bytes = to;
	} else if (has_items(v) && !v.n) {
		v.items = NULL;
	} else if (has_items(v)) {
		tl_value *to = b->at + b->items;
		const tl_value *from = v.items;

		b->items += items_of(v);
		v.items = to;
		for (size_t i = 0; i < items_of(v); i++)
			to[i] = lay(from[i], b);
	}
	return v;
}

int tl_value_copy(tl_value v, tl_value *ret)
{
	struct block b = { 0 };
	int r = measure(v, &b, 0);

	if (r < 0)
		return r;
	if (b.items + b.bytes) {
		b.at = malloc(b.items * sizeof *b.at + b.bytes);
		if (!b.at)
			return -ENOMEM;
		b.text = (char *)(b.at + b.items);
		b.items = b.bytes = 0;
	}
	*ret = lay(v, &b);
	return 0;
}

void tl_value_free(tl_value *v)
{
	if (!v)
		return;
	if (has_bytes(*v) || has_items(*v))
		free((void *)(uintptr_t)v->bytes);
	*v = TL_NIL;
}
