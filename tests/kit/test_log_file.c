/* Files, descriptors and sockets as the place where lines go: rotation, full disks, no readers. */
#include "lines.h"
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <telar/log.h>

static bool there(const char *path) { return access(path, F_OK) == 0; }

/* D20: a file is appended to, and its handler may be opened again */
TEST(appends)
{
	for (int i = 0; i < 3; i++) {
		tl_handler *h =
			opened(&(tl_handler_opts){ .path = "log", .format = "%(message)s" });

		tl_log(TL_ERROR, "%d", i);
		CHECK_EQ(tl_handler_close(h, TL_NEVER), 0);
	}
	holds("log", "0\n1\n2\n");
}

/* D20: the file rotates before it would be too long, and the oldest backup goes */
TEST(rotates)
{
	opened(&(tl_handler_opts){
		.path = "log", .format = "%(message)s", .max_bytes = 10, .backups = 2 });
	tl_log(TL_ERROR, "1234");
	tl_log(TL_ERROR, "5678");
	holds("log", "1234\n5678\n"); /* just as long as it may be */
	tl_log(TL_ERROR, "2");
	holds("log.1", "1234\n5678\n");
	holds("log", "2\n");
	tl_log(TL_ERROR, "a line that is too long for any");
	holds("log", "a line that is too long for any\n");
	holds("log.1", "2\n");
	holds("log.2", "1234\n5678\n");
	tl_log(TL_ERROR, "3");
	holds("log", "3\n");
	holds("log.2", "2\n");
	CHECK(!there("log.3"));
}

/* D20: one backup is kept if nothing else was said */
TEST(rotates_to_one)
{
	opened(&(tl_handler_opts){ .path = "log", .format = "%(message)s", .max_bytes = 4 });
	for (int i = 1; i < 4; i++)
		tl_log(TL_ERROR, "%d%d%d", i, i, i);
	holds("log", "333\n");
	holds("log.1", "222\n");
	CHECK(!there("log.2"));
}

/* D20: a file that cannot be rotated grows, and loses nothing */
TEST(cannot_rotate)
{
	CHECK_EQ(mkdir("log.1", 0700), 0); /* a file cannot become a folder */
	opened(&(tl_handler_opts){ .path = "log", .format = "%(message)s", .max_bytes = 4 });
	for (int i = 1; i < 4; i++)
		tl_log(TL_ERROR, "%d%d%d", i, i, i);
	holds("log", "111\n222\n333\n");
}

/* Log until the path is there again, a tick later at most; answers how often. */
static int log_until_there(const char *path)
{
	int n = 0;

	for (; !there(path); n++)
		tl_log(TL_ERROR, "%d", n);
	return n;
}

/* The lines of two files, one after the other, are those of so many calls. */
static void hold_all(const char *first, const char *then, int n)
{
	char *a = slurp(first, NULL), *b = slurp(then, NULL), *wanted, *at;
	size_t size = 0;

	wanted = at = malloc((size_t)n * 12 + 1);
	CHECK(wanted != NULL);
	for (int i = 0; i < n; i++)
		at += sprintf(at, "%d\n", i);
	size = strlen(a);
	CHECK(strncmp(a, wanted, size) == 0);
	CHECK_STR(b, wanted + size);
	free(wanted), free(a), free(b);
}

/* D20: a file that was moved or removed by others is made anew */
TEST(moved_by_others)
{
	int n;

	opened(&(tl_handler_opts){ .path = "log", .format = "%(message)s" });
	CHECK_EQ(rename("log", "log.old"), 0);
	n = log_until_there("log");
	hold_all("log.old", "log", n);
	CHECK_EQ(unlink("log"), 0);
	log_until_there("log");
}

/* D20: a file that was moved or removed by others is made anew */
/* Who rotates looks before each line. */
TEST(rotating_one_is_moved_by_others)
{
	opened(&(tl_handler_opts){ .path = "log", .format = "%(message)s", .max_bytes = 100 });
	tl_log(TL_ERROR, "old");
	CHECK_EQ(rename("log", "log.old"), 0);
	tl_log(TL_ERROR, "new");
	holds("log.old", "old\n");
	holds("log", "new\n");
	CHECK_EQ(unlink("log"), 0);
	tl_log(TL_ERROR, "newer");
	holds("log", "newer\n");
}

/* How many descriptors of this process are the file. */
static int opens_of(const char *path)
{
	struct stat it, st;
	int n = 0;

	CHECK_EQ(stat(path, &it), 0);
	for (int fd = 0; fd < 256; fd++)
		n += fstat(fd, &st) == 0 && st.st_ino == it.st_ino && st.st_dev == it.st_dev;
	return n;
}

/* A lock goes with the open file: a child that does not log keeps nobody from the parent's. */
TEST(child_that_does_not_log)
{
	tl_handler *h[2];
	int ends[2];
	char n = 2;
	pid_t pid;

	CHECK_EQ(pipe(ends), 0);
	for (int i = 0; i < 2; i++)
		h[i] = opened(&(tl_handler_opts){
			.path = "log", .format = "%(message)s", .max_bytes = 100 });
	CHECK_EQ(opens_of("log"), 2);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		n = (char)opens_of("log");
		CHECK_EQ(write(ends[1], &n, 1), 1);
		for (;;)
			pause();
	}
	CHECK_EQ(read(ends[0], &n, 1), 1);
	CHECK_EQ(n, 0);
	CHECK_EQ(rename("log", "log.old"), 0);
	tl_log(TL_ERROR, "x");
	CHECK_EQ(tl_handler_close(h[0], TL_NEVER) | tl_handler_close(h[1], TL_NEVER), 0);
	holds("log", "x\nx\n");
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

/* D20: reopen on request, as logrotate's script asks, also where the folder is changed */
TEST(reopens)
{
	tl_handler *h = opened(&(tl_handler_opts){ .path = "log", .format = "%(message)s" });

	CHECK_EQ(mkdir("sub", 0700), 0);
	CHECK_EQ(chdir("sub"), 0);
	CHECK_EQ(rename("../log", "../log.old"), 0);
	tl_handler_reopen(h);
	tl_log(TL_ERROR, "1");
	CHECK_EQ(chdir(".."), 0);
	holds("log", "1\n");
}

/* D20: what stands in a file without a last newline stays, on a line of its own */
TEST(begun_by_others)
{
	int fd = open("log", O_WRONLY | O_CREAT, 0600);

	CHECK_EQ(write(fd, "not ours", 8), 8);
	close(fd);
	opened(&(tl_handler_opts){ .path = "log", .format = "%(message)s" });
	tl_log(TL_ERROR, "ours");
	holds("log", "not ours\nours\n");
}

/* D20: the parted line that a killed process left behind is taken away */
TEST(parted_by_a_kill)
{
	int fd;

	opened(&(tl_handler_opts){ .path = "log", .format = "%(message)s" });
	tl_log(TL_ERROR, "1");
	fd = open("log", O_WRONLY | O_APPEND);
	CHECK_EQ(write(fd, "other\nhalf of a li", 18), 18);
	tl_log(TL_ERROR, "2");
	holds("log", "1\nother\n2\n");
	for (int i = 0; i < 2000; i++)
		CHECK_EQ(write(fd, "x", 1), 1);
	tl_log(TL_ERROR, "3");
	holds("log", "1\nother\n2\n3\n");
	close(fd);
}

/* Where others write too, who might just be adding a line, nothing can be taken away. */
TEST(parted_by_a_kill_beside_others)
{
	tl_handler *h[2];
	int fd;

	for (int i = 0; i < 2; i++)
		h[i] = handler(&(tl_handler_opts){ .path = "log", .format = "%(message)s" });
	CHECK_EQ(tl_logger_add(tl_log_root, h[0]), 0);
	tl_log(TL_ERROR, "1");
	fd = open("log", O_WRONLY | O_APPEND);
	CHECK_EQ(write(fd, "other\nhalf of a li", 18), 18);
	tl_log(TL_ERROR, "2");
	holds("log", "1\nother\nhalf of a l\n2\n");
	tl_log(TL_ERROR, "3");
	CHECK_EQ(tl_handler_close(h[1], TL_NEVER), 0);
	CHECK_EQ(write(fd, "half", 4), 4);
	tl_log(TL_ERROR, "4");
	holds("log", "1\nother\nhalf of a l\n2\n3\n4\n");
	close(fd);
}

static void limit_files(rlim_t bytes)
{
	struct rlimit l;

	signal(SIGXFSZ, SIG_IGN);
	CHECK_EQ(getrlimit(RLIMIT_FSIZE, &l), 0);
	l.rlim_cur = bytes;
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &l), 0);
}

/* D20: no room: nothing is parted, what is dropped is counted, and told when there is room again */
TEST(no_room)
{
	tl_handler *h = opened(&(tl_handler_opts){
		.path = "log", .format = "%(levelname)s:%(name)s:%(message)s" });

	char *text;

	limit_files(30);
	tl_log(TL_ERROR, "fits");                        /* 16 bytes */
	tl_log(TL_ERROR, "only a part of it would fit"); /* the system takes 14 */
	tl_log(TL_ERROR, "nor this, which is longer still");
	holds("log", "ERROR:root:fits\n");
	CHECK_EQ(tl_handler_dropped(h), 2);
	limit_files(RLIM_INFINITY);
	tl_log(TL_ERROR, "again");
	holds("log", "ERROR:root:fits\n"
		     "WARNING:telar.log:2 records were dropped here: EFBIG\nERROR:root:again\n");
	tl_log(TL_ERROR, "once");
	CHECK_EQ(tl_handler_dropped(h), 2);
	text = slurp("log", NULL);
	CHECK(strstr(text, "again\nERROR:root:once\n") != NULL);
	free(text);
}

TEST(no_room_beside_others)
{
	tl_handler *h[2];

	for (int i = 0; i < 2; i++)
		h[i] = handler(&(tl_handler_opts){ .path = "log", .format = "%(message)s" });
	CHECK_EQ(tl_logger_add(tl_log_root, h[0]), 0);
	limit_files(10);
	tl_log(TL_ERROR, "fits");
	tl_log(TL_ERROR, "not so this");
	holds("log", "fits\nnot \n");
	CHECK_EQ(tl_handler_dropped(h[0]), 1);
	limit_files(RLIM_INFINITY);
	tl_log(TL_ERROR, "again");
	holds("log", "fits\nnot \n1 record was dropped here: EFBIG\nagain\n");
}

/* D20: the device is full: counted and told, and the caller does not notice */
TEST(full_device)
{
	int fd = open("/dev/full", O_WRONLY);
	tl_handler *h = opened(&(tl_handler_opts){ .fd = fd });

	errno = 0;
	tl_log(TL_ERROR, "x");
	CHECK_EQ(errno, 0);
	CHECK_EQ(tl_handler_dropped(h), 1);
}

/* D20: a stream without a reader raises no signal, and one that is blocked keeps the one pending */
TEST(nobody_reads)
{
	sigset_t set;
	int ends[2];
	tl_handler *h;

	CHECK_EQ(pipe(ends), 0);
	h = opened(&(tl_handler_opts){ .fd = ends[1] });
	close(ends[0]);
	tl_log(TL_ERROR, "x");
	CHECK_EQ(tl_handler_dropped(h), 1);
	sigpending(&set);
	CHECK(!sigismember(&set, SIGPIPE));
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	h = opened(&(tl_handler_opts){ .fd = ends[1] });
	close(ends[0]);
	tl_log(TL_ERROR, "x");
	CHECK_EQ(tl_handler_dropped(h), 1);
}

/* D20: a pipe that is full and does not block loses whole lines, not parts of them */
TEST(full_pipe)
{
	static char seen[1 << 20];
	size_t size = 0;
	int ends[2], last = -1, n = 0, told = 0;
	tl_handler *h;

	CHECK_EQ(pipe2(ends, O_NONBLOCK), 0);
	h = opened(&(tl_handler_opts){ .fd = ends[1], .format = "%(message)s" });
	while (tl_handler_dropped(h) < 10)
		tl_log(TL_ERROR, "%08d", n++);
	for (ssize_t r; (r = read(ends[0], seen + size, sizeof seen - size)) > 0;)
		size += (size_t)r;
	tl_log(TL_ERROR, "%08d", n);
	size += (size_t)read(ends[0], seen + size, sizeof seen - size);
	seen[size] = 0;
	for (char *line = strtok(seen, "\n"); line; line = strtok(NULL, "\n"))
		if (strcmp(line, "10 records were dropped here: no room") == 0) {
			told++;
		} else {
			CHECK_EQ(strlen(line), 8);
			CHECK(atoi(line) == last + 1 || (told && atoi(line) == last + 11));
			last = atoi(line);
		}
	CHECK_EQ(told, 1);
	CHECK_EQ(last, n);
}

/* The other end of a pipe, whose reader takes a page at a time and then rests: for some time at
 * least, however fast the machine is. */
struct sip {
	int fd;
	size_t size;
	_Atomic bool stop;
	char text[1 << 17];
};

enum { PAGE = 4096, LONG_LINE = 15 * PAGE };

static void *sips(void *arg)
{
	struct sip *p = arg;

	do {
		ssize_t n = read(p->fd, p->text + p->size, PAGE);

		p->size += n > 0 ? (size_t)n : 0;
		usleep(200000);
	} while (!atomic_load(&p->stop));
	return NULL;
}

/* Each sip lets the line go on, and all of it would take three seconds; it waits for one in all. */
TEST(slow_pipe)
{
	static struct sip p;
	static char line[LONG_LINE];
	char *rest;
	int ends[2];
	pthread_t reader;
	tl_handler *h;

	CHECK_EQ(pipe2(ends, O_NONBLOCK), 0);
	if (fcntl(ends[1], F_SETPIPE_SZ, PAGE) != PAGE)
		SKIP("pages are larger here, and so are pipes");
	memset(line, 'x', sizeof line - 1);
	h = opened(&(tl_handler_opts){ .fd = ends[1], .format = "%(message)s" });
	p.fd = ends[0];
	CHECK_EQ(pthread_create(&reader, NULL, sips, &p), 0);
	tl_log(TL_ERROR, "%s", line);
	atomic_store(&p.stop, true);
	CHECK_EQ(pthread_join(reader, NULL), 0);
	CHECK_EQ(tl_handler_dropped(h), 1);
	for (ssize_t n; (n = read(ends[0], p.text + p.size, PAGE)) > 0;)
		p.size += (size_t)n;
	tl_log(TL_ERROR, "next");
	p.size += (size_t)read(ends[0], p.text + p.size, PAGE);
	p.text[p.size] = 0;
	rest = p.text + strspn(p.text, "x");
	CHECK(rest >= p.text + PAGE && rest < p.text + LONG_LINE - 1);
	CHECK_STR(rest, "\n1 record was dropped here: no room\nnext\n");
}

/* D20: no room: nothing is parted, what is dropped is counted, and told when there is room again */
/* By the process that dropped it, not by its child. */
TEST(full_pipe_and_a_fork)
{
	static char seen[1 << 17];
	tl_handler *h;
	int ends[2];
	ssize_t n;
	pid_t pid;

	CHECK_EQ(pipe2(ends, O_NONBLOCK), 0);
	h = opened(&(tl_handler_opts){ .fd = ends[1], .format = "%(message)s" });
	while (!tl_handler_dropped(h))
		tl_log(TL_ERROR, "x");
	while (read(ends[0], seen, sizeof seen) > 0)
		;
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		tl_log(TL_ERROR, "child");
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	tl_log(TL_ERROR, "parent");
	n = read(ends[0], seen, sizeof seen - 1);
	CHECK(n > 0);
	seen[n] = 0;
	CHECK_STR(seen, "child\n1 record was dropped here: no room\nparent\n");
}

/* D20: no room: nothing is parted, what is dropped is counted, and told when there is room again */
/* However long the format makes what is told. */
TEST(long_notice)
{
	static char seen[1 << 17];
	char format[32];
	int ends[2];

	CHECK_EQ(pipe2(ends, O_NONBLOCK), 0);
	for (int width = 960; width < 1000; width++) {
		tl_handler *h;
		ssize_t n;

		snprintf(format, sizeof format, "%%(message)-%ds", width);
		h = opened(&(tl_handler_opts){ .fd = ends[1], .format = format });
		while (!tl_handler_dropped(h))
			tl_log(TL_ERROR, "x");
		while ((n = read(ends[0], seen, sizeof seen)) > 0)
			;
		tl_log(TL_ERROR, "y");
		n = read(ends[0], seen, sizeof seen);
		CHECK_EQ(n, 2 * (width + 1));
		CHECK(strncmp(seen, "1 record was dropped here", 25) == 0 &&
			seen[width + 1] == 'y');
		CHECK_EQ(tl_handler_close(h, TL_NEVER), 0);
	}
}
