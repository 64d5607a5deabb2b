/* test_fail_log.c - logging, with every call to the system failing once.  See every.h.
 *
 * Logging answers nothing; so each scenario looks at what was written: whole lines, and no fewer of
 * them than were made less those that are counted as dropped. */
#include "every.h"
#include <fcntl.h>
#include <sys/stat.h>

enum { LINES = 12 };

/* Whole lines of path and its backups: how many; notices and blank lines do not count. */
static int lines_of(const char *path)
{
	char name[64], text[8192];
	int n = 0;

	for (int i = 0; i < 20; i++) {
		ssize_t size;
		int fd;

		snprintf(name, sizeof name, i ? "%s.%d" : "%s", path, i);
		fd = open(name, O_RDONLY);
		if (fd < 0)
			continue;
		size = read(fd, text, sizeof text - 1);
		close(fd);
		CHECK(size >= 0);
		text[size] = 0;
		CHECK(size == 0 || text[size - 1] == '\n');
		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
			n += strncmp(line, "line ", 5) == 0 && strlen(line) == 40;
		unlink(name);
	}
	return n;
}

static void say(tl_logger *l)
{
	for (int i = 0; i < LINES; i++)
		tl_log_to(l, TL_ERROR, "line %-34d.", i);
}

/* Close it, whatever the fault; it may be tried again. */
static int closed(tl_handler *h)
{
	int r = tl_handler_close(h, TL_NEVER);

	return r < 0 ? tl_handler_close(h, TL_NEVER) : 0;
}

FAULTS(rotating_file)
{
	tl_handler *h;
	int r, n;

	BEGINS();
	r = tl_handler_open(&h,
		&(tl_handler_opts){
			.path = "log", .max_bytes = 130, .backups = 19, .format = "%(message)s" });
	if (r < 0)
		return ends(r);
	r = tl_logger_add(tl_logger_at("hard.file"), h);
	if (r == 0) {
		say(tl_logger_at("hard.file"));
		n = (int)tl_handler_dropped(h);
		CHECK(n == 0 || every_faulty);
		CHECK_EQ(lines_of("log") + n, LINES);
	}
	n = closed(h);
	return ends(r < 0 ? r : n);
}

FAULTS(queue_to_file)
{
	tl_handler *to, *h;
	tl_logger *l = tl_logger_at("hard.queue");
	int r, n = 0, e;

	BEGINS();
	r = tl_handler_open(&to, &(tl_handler_opts){ .path = "queued", .format = "%(message)s" });
	if (r < 0)
		return ends(r);
	r = tl_handler_open(&h, &(tl_handler_opts){ .to = &to, .n_to = 1 });
	if (r < 0) {
		e = closed(to);
		return ends(e < 0 ? e : r);
	}
	r = tl_logger_add(l, h);
	if (r == 0) {
		tl_scope s = { 0 };

		tl_scope_open(&s);
		tl_handler_start(h);
		say(l);
		r = tl_scope_close(&s);
		n = LINES;
	}
	n -= (int)tl_handler_dropped(h);
	e = closed(h);
	CHECK_EQ(e, 0);
	n -= (int)tl_handler_dropped(to);
	CHECK_EQ(closed(to), 0);
	CHECK_EQ(lines_of("queued"), n);
	return ends(r);
}
