/* rush_plan.c - who sends what, drawn from the seed.
 *
 * The shares are exact: a shuffle of the students is cut into one stretch per fate, so that what
 * the service must answer is known before it is asked.  Twins come in pairs, never in threes: every
 * copying twin takes a whole file that no other copies.  Filled once, then only read. */
#include "rush_plan.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEW 10 /* below this many students all are whole: shares would be most of them */

static uint32_t percent(uint32_t count, uint32_t share)
{
	return count < FEW ? 0 : (count * share + 99) / 100;
}

/* Log-uniform: every octave is as likely as the next, and evenly spread inside it.  In integers, so
 * that it is the same on every machine. */
static size_t draw_size(uint64_t *state)
{
	for (;;) {
		size_t low = (size_t)8192 << rush_random(state) % 7;
		size_t size = low + rush_random(state) % low;
		/* Thins each octave to 1/x: accept with probability low / size. */
		if (rush_random(state) % size < low && size >= RUSH_MIN_SIZE &&
			size <= RUSH_MAX_SIZE)
			return size;
	}
}

static void draw_student(struct rush_plan *p, uint32_t i, enum rush_fate fate, uint32_t nth)
{
	struct rush_student *s = &p->students[i];
	uint64_t state = rush_mix(p->seed ^ 0x706c616e, i);

	s->fate = fate;
	s->kind = fate == RUSH_WHOLE ? rush_random(&state) % 3 : nth % 3;
	s->maker = i;
	s->twin = -1;
	s->whole = draw_size(&state);
	s->cut = s->whole;
	if (fate == RUSH_TRUNCATED)
		s->cut = s->whole / 5 + rush_random(&state) % (s->whole * 7 / 10);
	if (fate == RUSH_OVERSIZED)
		s->cut = s->whole = p->limit + 1 + rush_random(&state) % 65536;
	if (fate == RUSH_MISTYPED)
		s->kind = RUSH_GIF + nth % 3;
	s->form = rush_random(&state) % 100 < 30;
	s->chunked = !s->form && rush_random(&state) % 100 < 14; /* 10 of all */
	s->expect = rush_random(&state) % 100 < 10;
	s->again = fate == RUSH_WHOLE && rush_random(&state) % 100 < 2;
}

/* The copying twin i takes the file of `of`. */
static void join_twins(struct rush_plan *p, uint32_t i, uint32_t of)
{
	struct rush_student *copy = &p->students[i], *first = &p->students[of];

	copy->maker = of;
	copy->kind = first->kind;
	copy->whole = copy->cut = first->whole;
	copy->twin = of;
	first->twin = i;
}

static void draw(struct rush_plan *p, const uint32_t *order)
{
	uint32_t n = 0, nth, first_twin;

	p->shares[RUSH_TRUNCATED] = percent(p->count, 2);
	p->shares[RUSH_OVERSIZED] = percent(p->count, 1);
	p->shares[RUSH_MISTYPED] = percent(p->count, 1);
	p->shares[RUSH_TWIN] = percent(p->count, 2);
	for (int fate = RUSH_TRUNCATED; fate <= RUSH_TWIN; fate++) {
		first_twin = n;
		for (nth = 0; nth < p->shares[fate]; nth++, n++)
			draw_student(p, order[n], fate, nth);
	}
	p->shares[RUSH_WHOLE] = p->count - n;
	for (nth = n; nth < p->count; nth++)
		draw_student(p, order[nth], RUSH_WHOLE, nth);
	for (nth = 0; nth < p->shares[RUSH_TWIN]; nth++)
		join_twins(p, order[first_twin + nth], order[n + nth]);
	for (uint32_t i = 0; i < p->count; i++)
		p->bytes += p->students[i].cut;
}

int rush_plan_make(struct rush_plan *p, uint64_t seed, uint32_t count, size_t limit)
{
	uint64_t state = rush_mix(seed, 0x6f72646572);
	uint32_t *order = calloc(count, sizeof *order);

	*p = (struct rush_plan){ .seed = seed, .count = count, .limit = limit };
	p->pool = malloc(sizeof *p->pool);
	p->students = calloc(count, sizeof *p->students);
	if (!p->pool || !p->students || !order) {
		free(order);
		rush_plan_free(p);
		return -ENOMEM;
	}
	rush_pool_fill(p->pool, seed);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t k = rush_random(&state) % (i + 1);
		order[i] = order[k];
		order[k] = i;
	}
	draw(p, order);
	free(order);
	return 0;
}

void rush_plan_free(struct rush_plan *p)
{
	free(p->pool);
	free(p->students);
	*p = (struct rush_plan){ 0 };
}

uint32_t rush_plan_accepted(const struct rush_plan *p) { return p->shares[RUSH_WHOLE]; }

void rush_student_id(uint32_t i, char id[16]) { snprintf(id, 16, "2026-%05u", i % 10000000); }

void rush_student_name(const struct rush_plan *p, uint32_t i, char name[64])
{
	static const char *const first[] = { "Lucía", "José", "Ana", "Íñigo", "Sofía", "Martín",
		"Zoë", "Camila" };
	static const char *const last[] = { "Núñez", "García", "Peña & Hijos", "O'Higgins",
		"Quispe", "Muñoz", "Pérez 100%", "da Silva+Rey" };
	uint64_t r = rush_mix(p->seed ^ 0x6e616d65, i);

	snprintf(name, 64, "%s %s", first[r % 8], last[(r >> 8) % 8]);
}

void rush_plan_file(const struct rush_plan *p, uint32_t i, struct rush_file *f)
{
	const struct rush_student *s = &p->students[i];
	char label[200], id[16];

	rush_student_id(s->maker, id);
	snprintf(label, sizeof label, "Estudiante %s, seed %llu, importe %u.00 USD", id,
		(unsigned long long)p->seed, 100 + s->maker % 900);
	rush_file_make(f, p->pool, s->kind, rush_mix(p->seed, s->maker), s->whole, label);
	f->size = s->cut;
}
