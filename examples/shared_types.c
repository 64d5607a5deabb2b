/* shared_types.c - what the student manual says of sharedctypes: an array of every type code, of
 * which a process stores the least and the greatest value; a slice; and structs of one's own, which
 * need no type code: they lie in tl_shared, with a lock beside them, or with numbers that need
 * none. */
#include <float.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <telar.h>

enum { CODES = 14, PROCESOS = 4, VECES = 1000 };
static const char codes[CODES + 1] = "bBc?hHiIlLqQfd";

struct punto {
	double x, y;
};

struct figura {
	tl_lock lock; /* of what follows */
	struct punto puntos[3];
	long giros;
	_Atomic long avisos; /* needs none */
};

struct datos {
	tl_array *tipos[CODES], *diez;
	struct figura *figura;
};

#define TIPOS(X) \
	X('b', signed char, "%d", SCHAR_MIN, SCHAR_MAX) \
	X('B', unsigned char, "%d", 0, UCHAR_MAX) \
	X('c', char, "'%c'", 'a', 'z') \
	X('?', bool, "%d", false, true) \
	X('h', short, "%d", SHRT_MIN, SHRT_MAX) \
	X('H', unsigned short, "%d", 0, USHRT_MAX) \
	X('i', int, "%d", INT_MIN, INT_MAX) \
	X('I', unsigned, "%u", 0, UINT_MAX) \
	X('l', long, "%ld", LONG_MIN, LONG_MAX) \
	X('L', unsigned long, "%lu", 0, ULONG_MAX) \
	X('q', long long, "%lld", LLONG_MIN, LLONG_MAX) \
	X('Q', unsigned long long, "%llu", 0, ULLONG_MAX) \
	X('f', float, "%g", FLT_MIN, FLT_MAX) \
	X('d', double, "%g", DBL_MIN, DBL_MAX)

static void put_limits(tl_array *a)
{
	void *items = tl_array_items(a);

	switch (tl_array_typecode(a)) {
#define X(code, type, format, least, greatest) \
	case code: \
		((type *)items)[0] = least; \
		((type *)items)[1] = greatest; \
		break;
		TIPOS(X)
#undef X
	}
}

static void print_item(tl_array *a, size_t i)
{
	void *items = tl_array_items(a);

	switch (tl_array_typecode(a)) {
#define X(code, type, format, least, greatest) \
	case code: printf(format, ((type *)items)[i]); break;
		TIPOS(X)
#undef X
	}
}

/* As Python's a[from:to:step]. */
static void print_slice(tl_array *a, size_t from, size_t to, size_t step)
{
	printf("%c %zu [", tl_array_typecode(a), tl_array_width(a));
	for (size_t i = from; i < to && i < tl_array_count(a); i += step) {
		printf("%s", i > from ? ", " : "");
		print_item(a, i);
	}
	printf("]\n");
}

static int fill(void *arg)
{
	struct datos *d = arg;
	int *diez = tl_array_items(d->diez);

	for (int i = 0; i < CODES; i++)
		put_limits(d->tipos[i]);
	for (int i = 0; i < 10; i++)
		diez[i] = i * i;
	return 0;
}

/* A quarter of a turn: whoever sees one coordinate changed sees both. */
static int turn(void *arg)
{
	struct figura *f = arg;

	for (int n = 0; n < VECES; n++) {
		int r = tl_lock_acquire(&f->lock, TL_NEVER);

		if (r < 0)
			return r;
		for (int i = 0; i < 3; i++)
			f->puntos[i] = (struct punto){ -f->puntos[i].y, f->puntos[i].x };
		f->giros++;
		tl_lock_release(&f->lock);
		atomic_fetch_add(&f->avisos, 1);
	}
	return 0;
}

static int run(struct datos *d)
{
	struct figura *f = d->figura;
	tl_scope scope = { 0 };
	int r;

	tl_scope_open(&scope);
	tl_process_start(&scope, fill, d, &(tl_opts){ .copy = sizeof *d });
	for (int i = 0; i < PROCESOS; i++)
		tl_process_start(&scope, turn, f, NULL);
	r = tl_scope_close(&scope);
	if (r < 0)
		return r;
	for (int i = 0; i < CODES; i++)
		print_slice(d->tipos[i], 0, 2, 1);
	print_slice(d->diez, 2, 9, 3);
	for (int i = 0; i < 3; i++)
		printf("(%g, %g)%s", f->puntos[i].x, f->puntos[i].y, i < 2 ? ", " : "\n");
	printf("con candado %ld, sin candado %ld\n", f->giros, atomic_load(&f->avisos));
	return 0;
}

int main(void)
{
	struct datos d = { .figura = tl_shared(sizeof *d.figura) };
	int r = d.figura ? tl_array_open(&d.diez, 'i', 10, NULL) : -1;

	for (int i = 0; r == 0 && i < CODES; i++)
		r = tl_array_open(&d.tipos[i], codes[i], 2, &(tl_array_opts){ .raw = true });
	if (r == 0) {
		struct punto puntos[] = { { 1.875, -6.25 }, { -5.75, 2 }, { 2.375, 9.5 } };

		for (int i = 0; i < 3; i++)
			d.figura->puntos[i] = puntos[i];
		r = run(&d);
	}
	for (int i = 0; i < CODES; i++)
		tl_array_close(d.tipos[i]);
	tl_array_close(d.diez);
	tl_shared_free(d.figura);
	return r < 0 ? 1 : tl_finish();
}
