/* rush_plan.h - who sends what: the known shares of a rush, drawn from its seed. */
#ifndef RUSH_PLAN_H
#define RUSH_PLAN_H
#include "rush_files.h"

enum rush_fate {
	RUSH_WHOLE,     /* to be accepted: 201 */
	RUSH_TRUNCATED, /* 422 */
	RUSH_OVERSIZED, /* 413 */
	RUSH_MISTYPED,  /* says PDF, and is none: 415 */
	RUSH_TWIN       /* sends the bytes of .twin: one of the two is accepted, the other 409 */
};
#define RUSH_FATES 5

struct rush_student {
	enum rush_fate fate;
	enum rush_kind kind;
	uint32_t maker;    /* the student whose file it is: itself, but for the copying twin */
	int64_t twin;      /* who sends the same bytes; -1: nobody */
	size_t whole, cut; /* bytes of the file; bytes that are sent of it */
	bool form;         /* multipart/form-data */
	bool chunked;      /* Transfer-Encoding: chunked */
	bool expect;       /* Expect: 100-continue */
	bool again;        /* sends it a second time after it was accepted */
};

struct rush_plan {
	uint64_t seed;
	size_t limit; /* the service's limit for a file */
	uint32_t count;
	uint32_t shares[RUSH_FATES];
	uint64_t bytes; /* that are sent, once each */
	struct rush_pool *pool;
	struct rush_student *students;
};

/* Draw the plan of `count` students.  Answers 0 or -ENOMEM; rush_plan_free also takes a half-made
 * one. */
int rush_plan_make(struct rush_plan *p, uint64_t seed, uint32_t count, size_t limit);
void rush_plan_free(struct rush_plan *p);

/* How many must be accepted. */
uint32_t rush_plan_accepted(const struct rush_plan *p);

/* Lay out what student i sends, cut as the plan says. */
void rush_plan_file(const struct rush_plan *p, uint32_t i, struct rush_file *f);

/* The student's id ("2026-00042") and name ("Lucía Núñez", UTF-8). */
void rush_student_id(uint32_t i, char id[16]);
void rush_student_name(const struct rush_plan *p, uint32_t i, char name[64]);

#endif
