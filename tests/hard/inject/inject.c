/* inject.c - which call fails, see inject.h. */
#include "strike.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	_Atomic int armed; /* kind + 1; 0: no */
	_Atomic unsigned left;
	unsigned nth;
	const struct call *_Atomic hit;
	_Atomic int error;
	char *told; /* NULL: nobody */
	unsigned cap;
} it;

void inject_arm(enum inject_kind kind, unsigned nth)
{
	it.nth = nth;
	atomic_store(&it.left, nth);
	atomic_store(&it.armed, (int)kind + 1);
}

void inject_disarm(void) { atomic_store(&it.armed, 0); }

static void tell(char *text, unsigned cap)
{
	const char *name = it.hit->name;
	int e = atomic_load(&it.error);

	snprintf(text, cap, "%s: %s", name + (strncmp(name, "as_", 3) ? 0 : 3),
		e == SHORT ? "less" : strerrorname_np(e));
}

const char *inject_done(void)
{
	static char text[80];

	if (!atomic_load(&it.hit))
		return NULL;
	tell(text, sizeof text);
	return text;
}

void inject_tell(char *text, unsigned cap)
{
	it.told = text;
	it.cap = cap;
}

int inject_error(void) { return atomic_load(&it.error) > 0 ? atomic_load(&it.error) : 0; }

/* For a whole program: TELAR_INJECT="once 17", or "on" or "odd". */
__attribute__((constructor)) static void begin(void)
{
	static const char *const kinds[] = { "once", "on", "odd" };
	const char *wish = getenv("TELAR_INJECT");

	for (unsigned i = 0; wish && i < 3; i++) {
		size_t n = strlen(kinds[i]);

		if (strncmp(wish, kinds[i], n) == 0 && wish[n] == ' ')
			inject_arm((enum inject_kind)i, (unsigned)atoi(wish + n));
	}
}

static unsigned count(const int *errors)
{
	unsigned n = 0;

	while (n < 8 && errors[n])
		n++;
	return n;
}

int strike(const struct call *c, bool odd)
{
	int armed = atomic_load(&it.armed), e;
	unsigned left = atomic_load(&it.left);

	if (!armed || odd != (armed == INJECT_ODD + 1))
		return 0;
	if (armed == INJECT_ON + 1 && atomic_load(&it.hit) == c)
		return atomic_load(&it.error);
	while (left && !atomic_compare_exchange_weak(&it.left, &left, left - 1))
		;
	if (left != 1)
		return 0;
	e = c->errors[it.nth % count(c->errors)];
	atomic_store(&it.error, e);
	atomic_store(&it.hit, c);
	if (it.told)
		tell(it.told, it.cap);
	return e;
}

bool strikes_on(void) { return atomic_load(&it.armed) == INJECT_ON + 1; }
