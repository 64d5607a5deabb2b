/* pool_download.c - files over HTTP, six at a time, each stored in data/ under its last name, and
 * told about in the order in which they come to be there.  (The manual's program changes into data/
 * inside each thread.  A current directory is the whole process's, so threads that change it trip
 * over one another: here each path says where it leads.)
 *	pool_download http://127.0.0.1:8080/posts http://127.0.0.1:8080/todos ... */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <telar.h>
#include <unistd.h>

struct download {
	char url[200];
};

/* "http://host:port/path" in its two parts. */
static int parts(const char *url, char host[100], const char **path)
{
	size_t n;

	if (strncmp(url, "http://", 7) != 0 || !(*path = strchr(url + 7, '/')))
		return -EINVAL;
	n = (size_t)(*path - url) - 7;
	if (n >= 100)
		return -EINVAL;
	memcpy(host, url + 7, n);
	host[n] = 0;
	return 0;
}

/* What follows the first empty line goes to fd; the server closes when that is all. */
static int receive(tl_stream *s, int fd)
{
	char buf[65536], *body;
	size_t have = 0;
	ssize_t n;

	do {
		n = tl_read(s, buf + have, sizeof buf - 1 - have, TL_NEVER);
		if (n <= 0)
			return n < 0 ? (int)n : -EPROTO;
		have += (size_t)n;
		buf[have] = 0;
	} while (!(body = strstr(buf, "\r\n\r\n")) && have < sizeof buf - 1);
	if (!body || strncmp(buf, "HTTP/1.", 7) != 0)
		return -EPROTO;
	if (atoi(buf + 9) != 200)
		return -ENOENT;
	body += 4;
	n = (ssize_t)(buf + have - body);
	while (n > 0) {
		if (write(fd, body, (size_t)n) != n)
			return -EIO;
		body = buf;
		n = tl_read(s, buf, sizeof buf, TL_NEVER);
	}
	return (int)n;
}

static int fetch(const char *url, int fd)
{
	char host[100], ask[400];
	const char *path;
	tl_stream *s;
	int r = parts(url, host, &path), n;

	if (r == 0)
		r = tl_connect(&s, host, tl_after(tl_s(30)));
	if (r < 0)
		return r;
	n = snprintf(ask, sizeof ask, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", path, host);
	r = tl_write_all(s, ask, (size_t)n, NULL, tl_after(tl_s(30)));
	if (r == 0)
		r = receive(s, fd);
	tl_close(s, tl_after(tl_s(5)));
	return r;
}

static int download_url(void *arg)
{
	struct download *d = arg;
	char path[300];
	int fd, r;

	printf("downloading:  %s\n", d->url);
	snprintf(path, sizeof path, "data/%s", strrchr(d->url, '/') + 1);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	r = fetch(d->url, fd);
	close(fd);
	if (r < 0)
		unlink(path);
	return r;
}

int main(int argc, char **argv)
{
	struct download *all = calloc((size_t)argc, sizeof *all);
	size_t n = (size_t)argc - 1, i;
	tl_batch *batch = NULL;
	tl_pool *pool = NULL;
	int r, status;

	for (i = 0; all && i < n; i++) {
		const char *name = strrchr(argv[i + 1], '/');

		if (strncmp(argv[i + 1], "http://", 7) != 0 || name < argv[i + 1] + 7 || !name[1] ||
			strlen(argv[i + 1]) >= sizeof all->url)
			break;
		strcpy(all[i].url, argv[i + 1]);
	}
	if (!all || !n || i < n)
		return fprintf(stderr, "usage: %s http://host:port/file ...\n", argv[0]), 2;
	mkdir("data", 0755);
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	r = tl_pool_open(&pool, &(tl_pool_opts){ .workers = 6 });
	if (r == 0)
		r = tl_batch_open(&batch, pool, all, n, sizeof *all, download_url, NULL);
	while (r == 0 && (r = tl_batch_next(batch, &i, &status, TL_NEVER)) == 0)
		printf("%s%s%s\n", all[i].url, status < 0 ? " " : "",
			status < 0 ? tl_error_name(status) : "");
	tl_batch_close(batch);
	tl_pool_close(pool, tl_after(tl_s(5)));
	free(all);
	return tl_finish() || r != -EPIPE;
}
