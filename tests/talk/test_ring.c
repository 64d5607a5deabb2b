/* test_ring.c - the ring of records against a plain model: sizes, wraps, skips and growth from a
 * seed. */
#include "talk.h"
#include "talk/ring.h"

enum { MOST = 4096 };

static struct model {
	unsigned char *item[MOST];
	size_t size[MOST];
	size_t head, n;
} model;

static void push(struct ring *g, size_t size, uint64_t *seed)
{
	size_t at = (model.head + model.n++) % MOST;

	model.size[at] = size;
	model.item[at] = malloc(size + 1);
	CHECK(model.item[at] != NULL);
	for (size_t i = 0; i < size; i++)
		model.item[at][i] = (unsigned char)number(seed);
	CHECK_EQ(ring_room(g, size), 0);
	CHECK(ring_fits(g, model.n, size)); /* one less than that are in it */
	if (number(seed) % 512 == 0)        /* which looks at the other end */
		CHECK(!ring_fits(g, model.n - 1, size));
	ring_put(g, model.item[at], size);
}

static void take(struct ring *g)
{
	size_t at = model.head, size;
	unsigned char *buf;

	CHECK(ring_any(g));
	size = ring_peek(g);
	buf = malloc(size + 2);
	CHECK(buf != NULL);
	CHECK_EQ(size, model.size[at]);
	CHECK(ring_holds(g, model.item[at], size));
	CHECK_EQ(ring_peek(g), size); /* looking twice is looking once */
	buf[size] = 0xa5;
	ring_take(g, buf);
	CHECK(memcmp(buf, model.item[at], size) == 0);
	CHECK_EQ(buf[size], 0xa5);
	free(buf);
	free(model.item[at]);
	model.head = (model.head + 1) % MOST;
	model.n--;
}

static void against_model(uint64_t seed, size_t largest, unsigned bias)
{
	struct ring g = { 0 };

	memset(&model, 0, sizeof model);
	for (int i = 0; i < 20000; i++) {
		uint32_t n = number(&seed);

		CHECK_EQ(ring_n(&g), model.n);
		CHECK_EQ(ring_count(&g), model.n);
		CHECK(g.in.at - g.out.at <= g.size);
		if (n % 64 == 1) { /* which begins anew where it is empty */
			ring_lock(&g, NULL);
			ring_unlock(&g);
		}
		if (model.n < MOST && (!model.n || n % 16 < bias))
			push(&g, n % 3 ? number(&seed) % (largest + 1) : 8, &seed);
		else
			take(&g);
		if (n % 1024 == 0) /* to the last, and from the beginning again */
			while (model.n)
				take(&g);
	}
	while (model.n)
		take(&g);
	CHECK_EQ(ring_n(&g), 0);
	CHECK(!ring_any(&g));
	ring_free(&g);
}

TEST(small_sizes)
{
	for (uint64_t seed = 1; seed < 12; seed++)
		against_model(seed * 7919, seed * 3, 8);
}
TEST(mixed_sizes)
{
	for (uint64_t seed = 1; seed < 12; seed++)
		against_model(seed * 104729, 600, 8);
}
TEST(growing) { against_model(42, 900, 10); }
TEST(nearly_empty)
{
	for (uint64_t seed = 1; seed < 8; seed++)
		against_model(seed * 31, 250, 5);
}

/* Every fill of a ring that is not allowed to grow much: exact fits and off-by-ones at its end. */
TEST(every_end)
{
	for (size_t first = 0; first < 260; first++)
		for (size_t second = 0; second < 260; second += 3) {
			uint64_t seed = first * 1000 + second + 1;
			struct ring g = { 0 };

			memset(&model, 0, sizeof model);
			push(&g, first, &seed);
			push(&g, 1, &seed);
			take(&g);
			push(&g, second, &seed);
			take(&g);
			push(&g, first, &seed);
			push(&g, second, &seed);
			while (model.n)
				take(&g);
			ring_free(&g);
		}
}
