/* The manager: a client that has the key, but sends what no client of ours would. */
#include "managed.h"

#include "kit/manager.h"

enum { OBJECTS = 24, ROUNDS = SANITIZED ? 4000 : 20000 };

#define LOCK "acquire recover release held text waiting "

/* Each with its verbs; the last one is the server itself. */
static const struct kind {
	const char *type, *verbs;
} kinds[] = {
	{ "list", "get set append extend insert pop del remove index count contains len slice "
		  "reverse sort clear swap add text waiting " },
	{ "dict", "get set del pop popitem setdefault update contains len keys values copy clear "
		  "swap add text " },
	{ "Namespace", "get set del copy swap add text " },
	{ "set", "add discard remove update pop contains len copy clear text " },
	{ "Value", "get set swap add text " },
	{ "Array", "get set len slice swap add text " },
	{ "Lock", LOCK },
	{ "RLock", LOCK },
	{ "Condition", LOCK "wait notify notify_all acquire wait acquire wait " },
	{ "Semaphore", "acquire release count text " },
	{ "BoundedSemaphore", "acquire release count text " },
	{ "Event", "wait set clear is_set text " },
	{ "Barrier", "wait abort reset parties broken text " },
	{ "Queue", "put get done join count empty full unfinished text put put " },
	{ "JoinableQueue", "put get done join count empty full unfinished text put put " },
	{ "frob", "fly new " },
	{ "", "keep drop drop drop root objects clients waiting frob " },
};
enum { KINDS = sizeof kinds / sizeof *kinds, SERVER = KINDS - 1, CALLS = 4 };

struct stranger {
	struct link link, stays; /* what it keeps is kept while it has one */
	struct {
		uint64_t id;
		uint32_t kind;
	} known[OBJECTS];
	uint32_t made[CALLS]; /* what kinds a request makes; SERVER: nothing */
	uint32_t seed;
	size_t n; /* of room */
	tl_value room[1000];
};

static uint32_t any(struct stranger *s, uint32_t below)
{
	s->seed = s->seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)s->seed * below >> 32);
}

static tl_value any_object(struct stranger *s, uint32_t *ret_kind)
{
	uint32_t i = any(s, OBJECTS);
	bool good = any(s, 50);

	*ret_kind = good && s->known[i].id ? s->known[i].kind : SERVER;
	return tl_value_make(
		TL_T_OBJECT, 0, good ? (int64_t)s->known[i].id : (int64_t)any(s, 9), NULL);
}

/* One of the words. */
static const char *any_word(struct stranger *s, const char *words)
{
	static char word[40];
	uint32_t n = 0;

	for (const char *p = words; *p; p++)
		n += *p == ' ';
	for (n = any(s, n); n--;)
		words = strchr(words, ' ') + 1;
	snprintf(word, sizeof word, "%.*s", (int)strcspn(words, " "), words);
	return word;
}

static tl_value any_value(struct stranger *s, int depth)
{
	static const int64_t ints[] = { 0, 1, -1, 2, 3, 7, INT64_MAX, INT64_MIN, 1 << 20 };
	static const char *const texts[] = { "", "a", "b", "i", "d", "_x", "\u20ac" };
	uint32_t kind = any(s, depth < 4 ? 10 : 8), n = any(s, 4), each = kind == 8 ? 1 : 2, of;
	tl_value *items = &s->room[s->n];

	switch (kind) {
	case 0: return TL_NIL;
	case 1: return TL_BOOL(any(s, 2));
	case 2: return TL_NUM(any(s, 2) ? 0.5 : 1e300);
	case 3: return any_object(s, &of);
	case 4: return TL_BYTES("\0\1", any(s, 3));
	case 5: return TL_STR(texts[any(s, sizeof texts / sizeof *texts)]);
	case 6:
	case 7: return TL_INT(ints[any(s, sizeof ints / sizeof *ints)]);
	}
	if (s->n + n * each > sizeof s->room / sizeof *s->room)
		return TL_NIL;
	s->n += n * each;
	for (uint32_t i = 0; i < n * each; i++)
		items[i] =
			kind == 9 && i % 2 == 0 ? TL_INT(i + any(s, 2)) : any_value(s, depth + 1);
	return kind == 8 ? TL_LIST(items, n) : TL_MAP(items, n);
}

/* Not an Array of a million. */
static void be_modest(tl_value *v)
{
	if (v->type == TL_T_INT && v->i > 100)
		v->i = 5;
}

static void add_call(struct stranger *s, uint32_t *ret_made)
{
	uint32_t n = any(s, 4), kind;
	tl_value *args = &s->room[s->n], object = any_object(s, &kind);
	const char *verb = any_word(s, kinds[any(s, 50) ? kind : any(s, KINDS)].verbs);

	*ret_made = any(s, 8) ? (uint32_t)SERVER : any(s, SERVER);
	s->n += 4;
	for (uint32_t i = 0; i < n; i++)
		args[i] = any_value(s, 0);
	if (*ret_made != SERVER) {
		object.object = 0;
		verb = "new";
		be_modest(&args[1]);
		be_modest(&args[2]);
		args[0] = TL_STR(kinds[*ret_made].type);
		n = n ? n : 1;
	}
	CHECK_EQ(link_add(&s->link, object), 0);
	CHECK_EQ(link_add(&s->link, TL_STR(verb)), 0);
	CHECK_EQ(link_add(&s->link, TL_LIST(args, n)), 0);
}

static void learn(struct stranger *s, tl_value v)
{
	for (uint32_t i = 0; v.type == TL_T_LIST && i < v.n / 2 && i < CALLS; i++)
		if (v.items[2 * i + 1].type == TL_T_OBJECT && s->made[i] != SERVER) {
			uint32_t at = any(s, OBJECTS);

			s->known[at].id = v.items[2 * i + 1].object;
			s->known[at].kind = s->made[i];
		}
}

static int link_up(struct link *l, const tl_manager *m)
{
	static const unsigned char id[CLIENT_ID] = "a stranger";
	int r = tl_connect(&l->stream, m->address, TL_NEVER);

	l->most = 1 << 30;
	return r < 0 ? r : proof_give(l->stream, m, id, TL_NEVER);
}

/* A request of some calls, now and then with a byte that is another.  < 0: hung up on. */
static int ask(struct stranger *s)
{
	uint32_t n = 1 + any(s, CALLS), wrong = any(s, 50);
	tl_value answer = TL_NIL;
	int r;

	s->n = 0;
	link_begin(&s->link);
	link_list(&s->link, 3 + 3 * n);
	link_add(&s->link, TL_INT(any(s, 2) ? REQUEST_CALLS : REQUEST_ATOMIC));
	link_add(&s->link, TL_INT(any(s, 8) ? 0 : 1000));
	link_add(&s->link, TL_INT(any(s, 2)));
	for (uint32_t i = 0; i < n; i++)
		add_call(s, &s->made[i]);
	for (uint32_t i = 0; wrong == 0 && i < 2; i++) /* not in the length: that waits for more */
		s->link.out[4 + any(s, (uint32_t)s->link.n - 4)] ^=
			(unsigned char)(1 + any(s, 255));
	r = link_send(&s->link, TL_NEVER);
	r = r < 0 ? r : link_recv(&s->link, &answer, tl_after(wrong ? tl_s(10) : tl_ms(20)));
	if (r == 0)
		learn(s, answer);
	tl_value_free(&answer);
	return r;
}

/* D14: what a client with the key sends does a server no harm, whatever it is */
TEST_LIMIT(anything_sent, 120)
{
	tl_manager *m = managed();
	struct stranger *s = calloc(1, sizeof *s);
	tl_object d = made(m, "dict", TL_NIL);
	int answered = 0;

	s->seed = 1;
	CHECK_EQ(link_up(&s->stays, m), 0);
	for (int i = 0; i < ROUNDS; i++) {
		if (!s->link.stream)
			CHECK_EQ(link_up(&s->link, m), 0);
		if (ask(s) == 0)
			answered++;
		else
			link_close(&s->link);
	}
	CHECK(answered > ROUNDS / 2);
	link_close(&s->link);
	link_close(&s->stays);
	free(s);
	while (atoi(says((tl_object){ m, 0 }, "clients", TL_NIL)) != 1)
		tl_sleep(tl_ms(1));
	CHECK_EQ(tl_object_set(d, TL_INT(1), TL_INT(2), TL_NEVER), 0);
	CHECK_STR(shows(d), "{1: 2}");
	unmanaged(m);
}
