/* test_file_store.c - the rest of a stream as one durable file. */
#include "io/files.h"
#include "io/pair.h"
#include "io/store.h"

struct upload {
	tl_stream *s;
	size_t n;
	char *text;
};

static int upload(void *arg)
{
	struct upload *u = arg;
	int r = tl_write_all(u->s, u->text, u->n, NULL, TL_NEVER);

	CHECK_EQ(tl_close(u->s, TL_NEVER), 0);
	return r == -EPIPE ? 0 : r;
}

static int file_store(size_t n, size_t limit, const char *name, tl_stored *ret)
{
	struct pair p = pair_make();
	struct upload u = { p.a, n, letters(n + 1) };
	tl_scope s = { 0 };
	int r;

	tl_scope_open(&s);
	tl_task_start(&s, upload, &u, NULL);
	r = tl_file_store(AT_FDCWD, name, p.b, limit, ret, TL_NEVER);
	CHECK_EQ(tl_close(p.b, TL_NEVER), 0);
	CHECK_EQ(tl_scope_close(&s), 0);
	if (r == 0)
		check_content(AT_FDCWD, name, u.text, n);
	free(u.text);
	return r;
}

TEST(stream_to_file)
{
	tl_stored stored = { 77 };
	int before = descriptors();

	CHECK_EQ(file_store(0, 0, "empty", NULL), 0);
	CHECK_EQ(file_store(1000, 999, "more", &stored), -EFBIG);
	CHECK_EQ(stored.size, 77);
	CHECK_EQ(file_store(1000, 1000, "exact", &stored), 0);
	CHECK_EQ(stored.size, 1000);
	CHECK_EQ(file_store(STORE_HOLD, SIZE_MAX, "hold", &stored), 0);
	CHECK_EQ(file_store(3000000, SIZE_MAX, "big", &stored), 0);
	CHECK_EQ(stored.size, 3000000);
	CHECK_EQ(file_store(10, SIZE_MAX, "big", &stored), -EEXIST);
	CHECK_EQ(file_store(10, SIZE_MAX, "a/b", &stored), -EINVAL);
	CHECK_EQ(entries("."), 4);
	CHECK(descriptors() <= before + 3); /* the loop's poller, which stays */
}
