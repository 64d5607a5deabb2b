/* bridge_callbacks.c - the student manual's bridge between libraries that call back and code that
 * waits, and its transports.  A library that knows nothing of telar blocks only the task that asks
 * it, in each of the three ways that such libraries have: it calls back from a thread of its own (a
 * future); it names a descriptor, and wants to be called when that is ready (tl_fd_wait); it says
 * once that all is done (an event).  At last a transport of our own, under an ordinary stream. */
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <telar.h>
#include <unistd.h>

/* -- a library that calls back, as a stranger wrote it.  It answers BATCH questions together, so a
 * thread that waited for one answer before it asked the next would wait for ever. */

enum { BATCH = 3 };

struct question {
	int number;
	void (*done)(struct question *, int answer); /* called in the library's thread */
};

static struct library {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t asked;
	struct question *open[BATCH];
	int n;
	bool closing;
} library = { .mutex = PTHREAD_MUTEX_INITIALIZER, .asked = PTHREAD_COND_INITIALIZER };

static void *library_run(void *arg)
{
	pthread_mutex_lock(&library.mutex);
	while (!library.closing) {
		while (library.n == BATCH)
			for (struct question *q; library.n > 0;) {
				q = library.open[--library.n];
				q->done(q, 2 * q->number);
			}
		pthread_cond_wait(&library.asked, &library.mutex);
	}
	pthread_mutex_unlock(&library.mutex);
	return arg;
}

/* At most BATCH are open at a time. */
static void library_ask(struct question *q)
{
	pthread_mutex_lock(&library.mutex);
	library.open[library.n++] = q;
	pthread_cond_signal(&library.asked);
	pthread_mutex_unlock(&library.mutex);
}

/* False: it has been answered.  Either way q is the caller's again. */
static bool library_withdraw(struct question *q)
{
	bool found = false;

	pthread_mutex_lock(&library.mutex);
	for (int i = 0; i < library.n && !found; i++)
		if ((found = library.open[i] == q))
			library.open[i] = library.open[--library.n];
	pthread_mutex_unlock(&library.mutex);
	return found;
}

static void library_close(void)
{
	pthread_mutex_lock(&library.mutex);
	library.closing = true;
	pthread_cond_signal(&library.asked);
	pthread_mutex_unlock(&library.mutex);
	pthread_join(library.thread, NULL);
}

/* -- 1. a callback becomes a call: its answer goes into a future, the task waits for that */

struct call {
	struct question question;
	int answer;
	tl_future answered;
};

static void on_answer(struct question *q, int answer)
{
	struct call *c = (struct call *)q; /* its first member */

	c->answer = answer;
	tl_future_set(&c->answered, NULL);
}

/* Answers 0, -ETIMEDOUT or -ECANCELED, as any call of telar. */
static int ask(int number, int *ret, tl_time deadline)
{
	struct call c = { .question = { number, on_answer } };
	int r;

	library_ask(&c.question);
	r = tl_future_get(&c.answered, NULL, deadline);
	if (r < 0 && library_withdraw(&c.question))
		return r;
	*ret = c.answer; /* also if it came just when we were leaving */
	return 0;
}

static int asker(void *arg)
{
	int *number = arg;

	return ask(*number, number, TL_NEVER);
}

static int futures(void)
{
	int numbers[BATCH] = { 10, 20, 30 }, none;
	tl_scope s = { 0 };
	int r;

	tl_scope_open(&s);
	for (int i = 0; i < BATCH; i++)
		tl_task_start(&s, asker, &numbers[i], NULL);
	if ((r = tl_scope_close(&s)) < 0)
		return r;
	printf("Futuro: tres tareas de un hilo, y sus respuestas %d, %d y %d\n", numbers[0],
		numbers[1], numbers[2]);
	r = ask(40, &none, tl_after(tl_ms(20)));
	printf("Futuro: una sola pregunta, que la biblioteca no contesta: %s\n",
		r == -ETIMEDOUT ? "ETIMEDOUT" : "?");
	return 0;
}

/* -- 2. a library that has a descriptor (libpq, c-ares and libcurl do it like this): it works when
 * it is called, never waits, and says what for it is to be called again */

enum { BYTES = 1 << 20 };

struct transfer {
	int fd;
	size_t sent, back;
};

/* TL_IN, TL_OUT or both: not done yet; 0: done. */
static int transfer_step(struct transfer *t)
{
	static char piece[1 << 14];
	ssize_t n = 1;

	while (t->sent < BYTES && n > 0)
		if ((n = send(t->fd, piece, sizeof piece, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
			t->sent += (size_t)n;
	while (t->back < t->sent && (n = recv(t->fd, piece, sizeof piece, MSG_DONTWAIT)) > 0)
		t->back += (size_t)n;
	return (t->sent < BYTES ? TL_OUT : 0) | (t->back < BYTES ? TL_IN : 0);
}

static int echo(void *peer)
{
	char buf[4096];
	size_t left = BYTES;
	int r = 0;

	while (left > 0 && r == 0) {
		ssize_t n = tl_read(peer, buf, sizeof buf, TL_NEVER);

		if (n <= 0)
			return n < 0 ? (int)n : -EPIPE;
		left -= (size_t)n;
		r = tl_write_all(peer, buf, (size_t)n, NULL, TL_NEVER);
	}
	return r;
}

/* Two ends of a connection; the streams of both, or of the second alone. */
static int connection(int *ret_fd, tl_stream **ret_a, tl_stream **ret_b)
{
	int fd[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		return -errno;
	if (ret_fd)
		*ret_fd = fd[0];
	if ((r = tl_stream_adopt(ret_b, fd[1])) < 0)
		return r;
	return ret_a ? tl_stream_adopt(ret_a, fd[0]) : 0;
}

static int descriptors(void)
{
	struct transfer t = { 0 };
	tl_stream *peer;
	tl_scope s = { 0 };
	int r = connection(&t.fd, NULL, &peer), wants;

	if (r < 0)
		return r;
	tl_scope_open(&s);
	tl_task_start(&s, echo, peer, NULL); /* in this very thread, while we wait */
	while (r >= 0 && (wants = transfer_step(&t)) > 0)
		r = tl_fd_wait(t.fd, wants, tl_after(tl_s(10)));
	if (r < 0)
		tl_scope_cancel(&s);
	close(t.fd);
	if (tl_scope_close(&s) == 0 && r >= 0)
		printf("Descriptor: %zu bytes de ida, %zu de vuelta\n", t.sent, t.back);
	tl_close(peer, TL_NEVER);
	return r < 0 ? r : 0;
}

/* -- 3. a callback that only says "done": an event, here as one case of a select */

static struct {
	int left, sum; /* touched by the library's thread alone until `finished` is set */
	tl_event finished;
} batch = { .left = BATCH };

static void on_part(struct question *q, int answer)
{
	(void)q;
	batch.sum += answer;
	if (--batch.left == 0)
		tl_event_set(&batch.finished);
}

static int events(void)
{
	struct question q[BATCH] = { { 1, on_part }, { 2, on_part }, { 3, on_part } };
	tl_case c[] = { TL_SET(&batch.finished), TL_AT(tl_after(tl_s(10))) };
	int r;

	for (int i = 0; i < BATCH; i++)
		library_ask(&q[i]);
	r = tl_select(c, 2, TL_NEVER);
	if (r == 0)
		printf("Evento: los %d trabajos están hechos, y suman %d\n", BATCH, batch.sum);
	for (int i = 0; i < BATCH; i++)
		library_withdraw(&q[i]); /* whatever came of them, they leave with us */
	return r == 0 ? 0 : -ETIMEDOUT;
}

/* -- 4. a transport of our own: what is written goes enciphered (by 13 letters) through the stream
 * below, and what is read is deciphered */

static void turn(char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (isalpha((unsigned char)text[i]))
			text[i] = (char)(text[i] + (tolower(text[i]) < 'n' ? 13 : -13));
}

static ssize_t cipher_read(void *below, void *buf, size_t n, tl_time deadline)
{
	ssize_t r = tl_read(below, buf, n, deadline);

	if (r > 0)
		turn(buf, (size_t)r);
	return r;
}

static ssize_t cipher_write(void *below, const void *buf, size_t n, tl_time deadline)
{
	char piece[256];

	n = n < sizeof piece ? n : sizeof piece;
	memcpy(piece, buf, n);
	turn(piece, n);
	return tl_write(below, piece, n, deadline);
}

static int cipher_shut(void *below, int directions)
{
	(void)directions;
	return tl_shut(below);
}

static int cipher_close(void *below, tl_time deadline) { return tl_close(below, deadline); }

static const tl_transport cipher = {
	.read = cipher_read, .write = cipher_write, .shut = cipher_shut, .close = cipher_close
};

static int transports(void)
{
	tl_stream *below, *above, *peer;
	char text[] = "Hola, mundo", seen[sizeof text] = "", back[sizeof text] = "";
	int r = connection(NULL, &below, &peer);

	if (r < 0 || (r = tl_stream_over(&above, &cipher, below)) < 0)
		return r;
	r = tl_write_all(above, text, sizeof text - 1, NULL, tl_after(tl_s(10)));
	if (r == 0)
		r = tl_read_all(peer, seen, sizeof text - 1, NULL, tl_after(tl_s(10)));
	if (r == 0)
		r = tl_write_all(peer, seen, sizeof text - 1, NULL, tl_after(tl_s(10)));
	if (r == 0)
		r = tl_read_all(above, back, sizeof text - 1, NULL, tl_after(tl_s(10)));
	printf("Transporte: '%s' va por debajo como '%s' y vuelve como '%s'\n", text, seen, back);
	tl_close(above, TL_NEVER); /* and with it what is below */
	tl_close(peer, TL_NEVER);
	return r;
}

int main(void)
{
	int r = pthread_create(&library.thread, NULL, library_run, NULL);

	if (r != 0)
		return fprintf(stderr, "pthread_create: %s\n", strerror(r)), 1;
	if ((r = futures()) == 0 && (r = descriptors()) == 0 && (r = events()) == 0)
		r = transports();
	library_close();
	if (r < 0)
		fprintf(stderr, "bridge_callbacks: %s\n", strerror(-r));
	return tl_finish() || r < 0;
}
