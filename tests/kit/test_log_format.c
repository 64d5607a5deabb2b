/* Formats: every placeholder, its flags, what is refused; and long, odd and JSON messages. */
#include "lines.h"
#include <sys/syscall.h>
#include <time.h>

static struct lines all;
static int here;

static const char *shown(const char *format)
{
	tl_handler *h = keeps(&all, tl_log_root, format, 0);

	here = __LINE__ + 1;
	tl_log(TL_ERROR, "text");
	CHECK_EQ(tl_handler_close(h, TL_NEVER), 0);
	return lines_taken(&all);
}

static int worker(void *arg)
{
	(void)arg;
	tl_log(TL_DEBUG, "Iniciando...");
	return 0;
}

/* D20: the format of the Python documents gives their line */
TEST(the_manuals)
{
	tl_scope s = { 0 };

	tl_logger_level(tl_log_root, TL_DEBUG);
	keeps(&all, tl_log_root, "[%(levelname)s] - %(threadName)-10s : %(message)s", 0);
	tl_scope_open(&s);
	tl_thread_start(&s, worker, NULL, &(tl_opts){ .name = "Worker" });
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_STR(lines_taken(&all), "[DEBUG] - Worker     : Iniciando...\n");
}

/* D20: texts are padded left and right, and cut */
TEST(texts)
{
	CHECK_STR(shown("%(message)s"), "text\n");
	CHECK_STR(shown("<%(message)8s>"), "<    text>\n");
	CHECK_STR(shown("<%(message)-8s>"), "<text    >\n");
	CHECK_STR(shown("<%(message).2s>"), "<te>\n");
	CHECK_STR(shown("<%(message)-5.1s>"), "<t    >\n");
	CHECK_STR(shown("<%(message)2s>"), "<text>\n");
	CHECK_STR(shown("100%% %(levelname)s%%"), "100% ERROR%\n");
	CHECK_STR(shown("%(name)s"), "root\n");
	CHECK_STR(shown("%(filename)s %(funcName)s"), "test_log_format.c shown\n");
	CHECK(strstr(shown("%(pathname)s"), "/kit/test_log_format.c\n") != NULL);
	CHECK_STR(shown(""), "\n");
}

/* D20: numbers take printf's flags */
TEST(numbers)
{
	char wanted[100];

	CHECK_STR(shown("%(levelno)d"), "40\n");
	CHECK_STR(shown("<%(levelno)5d|%(levelno)-5d|%(levelno)05d|%(levelno)+d>"),
		"<   40|40   |00040|+40>\n");
	CHECK_STR(shown("%(levelno)#x %(levelno)o %(levelno)s"), "0x28 50 40\n");
	shown("");
	snprintf(wanted, sizeof wanted, "%d\n", here);
	CHECK_STR(shown("%(lineno)d"), wanted);
	snprintf(wanted, sizeof wanted, "%d %ld %llu\n", (int)getpid(), syscall(SYS_gettid),
		(unsigned long long)tl_self().id);
	CHECK_STR(shown("%(process)d %(thread)d %(strand)u"), wanted);
	CHECK_STR(shown("%(processName)s"), "MainProcess\n");
}

/* D20: the time of a record, in every form */
TEST(times)
{
	double before, created, after, msecs, relative;
	struct timespec now;
	char seen[64], wanted[64];
	struct tm tm;
	time_t t;

	setenv("TZ", "Asia/Kolkata", 1);
	tzset();
	clock_gettime(CLOCK_REALTIME, &now);
	before = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
	CHECK_EQ(sscanf(shown("%(created).9f %(msecs)f %(relativeCreated)f %(asctime)s"),
			 "%lf %lf %lf %63[^\n]", &created, &msecs, &relative, seen),
		4);
	clock_gettime(CLOCK_REALTIME, &now);
	after = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
	CHECK(before - 1e-6 <= created && created <= after + 1e-6);
	CHECK(msecs >= 0 && msecs < 1000 && relative >= 0 && relative < 600e3);
	t = (time_t)created;
	localtime_r(&t, &tm);
	strftime(wanted, sizeof wanted, "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(wanted + strlen(wanted), 8, ",%03d", (int)msecs);
	CHECK_STR(seen, wanted);
	CHECK_EQ(sscanf(shown("%(created)d|%(msecs)03d|"), "%lf|%63[0-9]|", &created, seen), 2);
	CHECK((double)(long)created == created && strlen(seen) == 3);
}

/* D20: asctime in a form of the caller's */
TEST(date_format)
{
	tl_handler *h = handler(&(tl_handler_opts){
		.fn = lines_fn, .arg = &all, .format = "%(asctime)-12s|", .datefmt = "%Y/%j" });
	char wanted[64];
	time_t now;
	struct tm tm;

	CHECK_EQ(tl_logger_add(tl_log_root, h), 0);
	do { /* not at midnight */
		now = time(NULL);
		lines_taken(&all);
		tl_log(TL_ERROR, "x");
	} while (now / 86400 != time(NULL) / 86400);
	localtime_r(&now, &tm);
	strftime(wanted, sizeof wanted, "%Y/%j    |\n", &tm);
	CHECK_STR(lines_taken(&all), wanted);
}

static int in_task(void *arg)
{
	tl_log(TL_ERROR, "%s", (const char *)arg);
	return 0;
}

static int in_thread(void *arg)
{
	tl_scope s = { 0 };

	tl_log(TL_ERROR, "%s", (const char *)arg);
	tl_scope_open(&s);
	tl_task_start(&s, in_task, "from the task", &(tl_opts){ .name = "la tarea" });
	return tl_scope_close(&s);
}

/* D20: a record names its strand, the thread that it runs on, and the task if it is one */
TEST(who)
{
	tl_scope s = { 0 };

	keeps(&all, tl_log_root, "%(strandName)s/%(threadName)s/%(taskName)s: %(message)s", 0);
	tl_scope_open(&s);
	tl_thread_start(&s, in_thread, "from the thread", &(tl_opts){ .name = "el hilo" });
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_STR(lines_taken(&all), "el hilo/el hilo/: from the thread\n"
				     "la tarea/el hilo/la tarea: from the task\n");
}

/* D20: a format that is wrong is refused at open, and it is said why */
TEST(wrong_formats)
{
	static const struct {
		const char *format, *why;
	} wrong[] = { { "%(levlname)s", "there is no %(levlname)" },
		{ "x %(message)", "no conversion, as s, follows %(message)" },
		{ "[%(levelname)-8] x", "no conversion, as s, follows %(levelname)-8" },
		{ "%(message)d", "cannot be shown so: %(message)d" },
		{ "%(levelno)-5f", "cannot be shown so: %(levelno)-5f" },
		{ "%(lineno)n", "cannot be shown so: %(lineno)n" },
		{ "%(lineno)*d", "cannot be shown so: %(lineno)*" },
		{ "%(lineno)1234d", "cannot be shown so: %(lineno)1234d" },
		{ "%(msecs).1234f", "cannot be shown so: %(msecs).1234f" },
		{ "%s", "not a placeholder: %s" }, { "50%", "not a placeholder: %" },
		{ "%(message", "not a placeholder: %(message" }, { "%()s", "there is no %()" } };
	char why[100];

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		tl_handler *h = (tl_handler *)1;

		CHECK_EQ(tl_format_check(wrong[i].format, why, sizeof why), -EINVAL);
		CHECK_STR(why, wrong[i].why);
		CHECK_EQ(tl_handler_open(&h, &(tl_handler_opts){ .format = wrong[i].format }),
			-EINVAL);
		CHECK(h == (tl_handler *)1);
		CHECK_EQ(tl_log_open(&(tl_log_opts){ .format = wrong[i].format }), -EINVAL);
	}
	CHECK_EQ(tl_format_check("%(levlname)s", why, 9), -EINVAL);
	CHECK_STR(why, "there is");
	CHECK_EQ(tl_format_check("%(name)s", why, sizeof why), 0);
	CHECK_STR(why, "");
	CHECK_EQ(tl_format_check("%(nam)s", NULL, 0), -EINVAL);
}

/* D20: a message may be long; beyond 64 KiB it is cut, and says so */
TEST(long_messages)
{
	static char big[200000];

	tl_log_open(&(tl_log_opts){ .path = "log", .format = "%(message)s" });
	for (size_t n = 900; n < 80000; n += n < 1100 ? 1 : 6501) {
		char *text;
		size_t size;

		memset(big, 'x', n);
		big[n] = 0;
		CHECK_EQ(truncate("log", 0), 0);
		tl_log(TL_ERROR, "%s", big);
		text = slurp("log", &size);
		CHECK_EQ(size, n <= 65536 ? n + 1 : 65536 + 7);
		CHECK_EQ(memcmp(text, big, n <= 65536 ? n : 65536), 0);
		CHECK_STR(text + (n <= 65536 ? n : 65536), n <= 65536 ? "\n" : " [cut]\n");
		free(text);
	}
}

/* D20: zeros and newlines in a message stay */
TEST(odd_bytes)
{
	size_t size;
	char *text;

	tl_log_open(&(tl_log_opts){ .path = "log", .format = "%(message)s" });
	tl_log(TL_ERROR, "a%cb\nc", 0);
	text = slurp("log", &size);
	CHECK_EQ(size, 6);
	CHECK_EQ(memcmp(text, "a\0b\nc\n", 6), 0);
	free(text);
}

static const char *message_of(const char *line)
{
	const char *at = strstr(line, "\"message\":");

	CHECK(at != NULL);
	return at + 10;
}

/* D20: a record as JSON is one line, escaped, and valid UTF-8 whatever the message is */
TEST(json)
{
	static const struct {
		const char *message, *shown;
	} each[] = { { "plain", "\"plain\"}\n" }, { "a\"b\\c", "\"a\\\"b\\\\c\"}\n" },
		{ "\n\r\t\b\f\x01\x1f\x7f", "\"\\n\\r\\t\\b\\f\\u0001\\u001f\\u007f\"}\n" },
		{ "\u00f1\u20ac\U0001f600", "\"\u00f1\u20ac\U0001f600\"}\n" },
		{ "\x80\xff", "\"\\ufffd\\ufffd\"}\n" },
		{ "\xc0\xaf", "\"\\ufffd\\ufffd\"}\n" },            /* overlong */
		{ "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"}\n" }, /* a surrogate */
		{ "\xf4\x90\x80\x80x", "\"\\ufffd\\ufffd\\ufffd\\ufffdx\"}\n" },
		{ "\xe2\x82", "\"\\ufffd\\ufffd\"}\n" } }; /* begun and not ended */
	tl_handler *h = handler(&(tl_handler_opts){ .fn = lines_fn, .arg = &all, .json = true });

	CHECK_EQ(tl_logger_add(tl_log_root, h), 0);
	for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
		tl_log(TL_ERROR, "%s", each[i].message);
		CHECK_STR(message_of(lines_taken(&all)), each[i].shown);
	}
	tl_log(TL_ERROR, "a%cb", 0);
	CHECK_STR(message_of(lines_taken(&all)), "\"a\\u0000b\"}\n");
}

/* D20: a long JSON record is cut within its message, and stays an object */
TEST(json_long)
{
	static char big[70000];
	size_t size;
	char *text;

	memset(big, '\n', sizeof big - 1);
	tl_log_open(&(tl_log_opts){ .path = "log", .json = true });
	tl_log(TL_ERROR, "%s", big);
	text = slurp("log", &size);
	CHECK(size > 2 * 65536);
	CHECK_STR(text + size - 11, "\\n [cut]\"}\n");
	free(text);
}

/* D20: options that make no sense together are refused */
TEST(options)
{
	tl_handler *h, *to[1] = { NULL };
	const tl_handler_opts bad[] = { { .path = "x", .fd = 1 }, { .path = "x", .syslog = "y" },
		{ .max_bytes = 9 }, { .json = true, .format = "" }, { .to = to },
		{ .to = to, .n_to = 1 }, { .fd = -1 }, { .reserved = { 1 } } };

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_EQ(tl_handler_open(&h, &bad[i]), -EINVAL);
	CHECK_EQ(tl_handler_open(&h, &(tl_handler_opts){ .fd = 999 }), -EBADF);
	CHECK_EQ(tl_handler_open(&h, &(tl_handler_opts){ .path = "no/such" }), -ENOENT);
	CHECK_EQ(tl_log_open(&(tl_log_opts){ .reserved = { 1 } }), -EINVAL);
}

static int names_its_process(void *arg)
{
	CHECK_STR(shown("%(processName)s"), (const char *)arg);
	return 0;
}

TEST(process_name)
{
	tl_scope s = { 0 };

	tl_scope_open(&s);
	tl_process_start(&s, names_its_process, "Cocina\n",
		&(tl_opts){ .name = "Cocina", .copy = sizeof "Cocina\n" });
	CHECK_EQ(tl_scope_close(&s), 0);
}
