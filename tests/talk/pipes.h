/* pipes.h - one pipe for a test, private and shared by turns. */
#ifndef TESTS_PIPES_H
#define TESTS_PIPES_H
#include "talk.h"

static struct {
	tl_pipe *a, *b;
	bool shared;
} pipe_;

static inline void make(bool one_way, size_t capacity, size_t max)
{
	tl_pipe_opts o = { .name = "p",
		.capacity = capacity,
		.max_message = max,
		.shared = pipe_.shared,
		.one_way = one_way };

	CHECK_EQ(tl_pipe_open(&pipe_.a, &pipe_.b, &o), 0);
}

static inline void unmake(void)
{
	CHECK(tl_pipe_close(pipe_.a) == NULL);
	CHECK(tl_pipe_close(pipe_.b) == NULL);
}

/* The body runs with a private pipe and with a shared one. */
#define TEST_PIPES(name) \
	static void each_##name(void); \
	TEST_LIMIT(name, 60) \
	{ \
		for (int i = 0; i < 2; i++) { \
			pipe_.shared = i; \
			each_##name(); \
		} \
	} \
	static void each_##name(void)

#endif
