/* test_log_disk.c - a log that rotates on a disk that becomes full. */
#include "lines.h"
#include <sched.h>
#include <sys/mount.h>

enum { PAGE = 4096, LINE = 64, A_FILE = PAGE / LINE, LINES = 5 * A_FILE };

/* A disk of that many pages, for this process alone: it is gone with it. */
static void small_disk(int pages)
{
	char size[32];

	if (sysconf(_SC_PAGESIZE) != PAGE)
		SKIP("the numbers here are for pages of 4 KiB");
	CHECK_EQ(mkdir("disk", 0700), 0);
	snprintf(size, sizeof size, "size=%d", pages * PAGE);
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("none", "disk", "tmpfs", 0, size) < 0)
		SKIP("mounting a small disk needs root");
}

static void occupy(const char *path, size_t bytes)
{
	char page[PAGE] = "";
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	for (; bytes; bytes -= PAGE)
		CHECK_EQ(write(fd, page, PAGE), PAGE);
	close(fd);
}

static void log_one(int i) { tl_log(TL_ERROR, "%0*d", LINE - 1, i); }

/* Whole lines, numbered from `from` on. */
static void holds_numbers(const char *path, int from, int n)
{
	char *text = slurp(path, NULL), *at = text;

	for (int i = from; i < from + n; i++, at += LINE) {
		CHECK(at[LINE - 1] == '\n');
		CHECK_EQ(atoi(at), i);
	}
	CHECK_STR(at, "");
	free(text);
}

/* Two files of lines fit.  Rotating needs no room, so what does not fit any more begins a third,
 * which stays empty: the two before it are not pushed out by what cannot be written.
 *
 * D20: no room: nothing is parted, what is dropped is counted, and told when there is room again */
TEST(rotating_on_a_full_disk)
{
	tl_handler *h;
	char *text, notice[80];

	small_disk(4);
	occupy("disk/other", 2 * PAGE);
	h = opened(&(tl_handler_opts){
		.path = "disk/log", .format = "%(message)s", .max_bytes = PAGE, .backups = 3 });
	for (int i = 0; i < LINES; i++)
		log_one(i);
	CHECK_EQ(tl_handler_dropped(h), LINES - 2 * A_FILE);
	holds_numbers("disk/log.2", 0, A_FILE);
	holds_numbers("disk/log.1", A_FILE, A_FILE);
	holds("disk/log", "");
	CHECK_EQ(unlink("disk/other"), 0);
	log_one(LINES);
	CHECK_EQ(tl_handler_dropped(h), LINES - 2 * A_FILE);
	text = slurp("disk/log", NULL);
	snprintf(notice, sizeof notice, "%d records were dropped here: ENOSPC\n",
		LINES - 2 * A_FILE);
	CHECK(strncmp(text, notice, strlen(notice)) == 0);
	CHECK_EQ(atoi(text + strlen(notice)), LINES);
	CHECK_EQ(strlen(text), strlen(notice) + LINE);
	free(text);
	CHECK_EQ(tl_handler_close(h, TL_NEVER), 0);
}

/* The last part of a page: what does not fit is no part of a line, and rotating loses nothing. */
TEST(full_in_the_middle_of_a_file)
{
	tl_handler *h;

	small_disk(2);
	occupy("disk/other", PAGE);
	h = opened(&(tl_handler_opts){
		.path = "disk/log", .format = "%(message)s", .max_bytes = 2 * PAGE });
	tl_log(TL_ERROR, "%0*d", PAGE - 10, 0);
	for (int i = 0; i < 3; i++)
		log_one(i);
	CHECK_EQ(tl_handler_dropped(h), 3);
	CHECK_EQ(unlink("disk/other"), 0);
	log_one(3);
	CHECK_EQ(tl_handler_dropped(h), 3);
	CHECK_EQ(tl_handler_close(h, TL_NEVER), 0);
	CHECK(access("disk/log.1", F_OK) < 0);
	char *text = slurp("disk/log", NULL), *at = strchr(text, '\n') + 1;
	CHECK_EQ(at - text, PAGE - 9);
	CHECK(strncmp(at, "3 records were dropped here: ENOSPC\n", 36) == 0);
	CHECK_EQ(atoi(at + 36), 3);
	CHECK_EQ(strlen(at), 36 + LINE);
	free(text);
}
