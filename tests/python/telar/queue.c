/* queue.c - Queue, LifoQueue, PriorityQueue, SimpleQueue.
 *
 * What goes through a telar queue is a record that owns one reference to an item.  A put that
 * fails has not taken it; what is left at the end is taken out and let go.
 *
 * The order of a PriorityQueue is asked for with the queue locked.  Python's comparison has no
 * place there: it needs the big lock, and whoever has that may just then be waiting for the queue;
 * it may run anything, this queue included; and it may fail.  So a put makes a key beforehand,
 * which is compared without Python: a number, as a double, or a string, of the item or of its
 * first part if it is a tuple; numbers come before strings. */
#include "module.h"

struct queue {
	PyObject head;
	Py_ssize_t maxsize;
	tl_queue *q;
};

struct record {
	PyObject *item;
	double number;
	const char *text; /* NULL: number counts; lives as long as the item */
};

static int by_key(const void *a, const void *b)
{
	const struct record *x = a, *y = b;

	if (x->text && y->text)
		return strcmp(x->text, y->text);
	if (x->text || y->text)
		return x->text ? 1 : -1;
	return (x->number > y->number) - (x->number < y->number);
}

static bool find_key(struct record *record)
{
	PyObject *key = record->item;

	if (PyTuple_Check(key) && PyTuple_GET_SIZE(key) > 0)
		key = PyTuple_GET_ITEM(key, 0);
	if (PyUnicode_Check(key)) {
		record->text = PyUnicode_AsUTF8(key);
		return record->text;
	}
	record->number = PyFloat_AsDouble(key);
	return record->number != -1 || !PyErr_Occurred();
}

static bool is(struct queue *self, PyTypeObject *type)
{
	return PyObject_TypeCheck((PyObject *)self, type);
}

static bool open_queue(struct queue *self)
{
	tl_queue_opts o = {
		.capacity = self->maxsize > 0 ? (size_t)self->maxsize : SIZE_MAX,
		.max_item = sizeof(struct record),
		.lifo = is(self, &lifo_type),
		.order = is(self, &priority_type) ? by_key : NULL,
	};
	int r = tl_queue_open(&self->q, &o);

	if (r < 0)
		refuse(r);
	return r >= 0;
}

static PyObject *queue_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
	static char *names[] = { "maxsize", NULL };
	struct queue *self;
	Py_ssize_t maxsize = 0;
	char **known = type == &simple_type ? names + 1 : names;

	if (!PyArg_ParseTupleAndKeywords(args, named, *known ? "|n" : "", known, &maxsize))
		return NULL;
	self = (struct queue *)type->tp_alloc(type, 0);
	if (!self)
		return NULL;
	self->maxsize = maxsize;
	if (!open_queue(self))
		Py_CLEAR(self);
	return (PyObject *)self;
}

/* For those who call it from a subclass; all is done by then. */
static int queue_init(PyObject *self, PyObject *args, PyObject *named)
{
	(void)self, (void)args, (void)named;
	return 0;
}

static void queue_drop(struct queue *self)
{
	struct record record;

	while (self->q && tl_queue_get(self->q, &record, sizeof record, TL_POLL) >= 0)
		Py_DECREF(record.item);
	self->q = tl_queue_close(self->q);
	drop((PyObject *)self);
}

/* A timeout counts only if it is to block, and is then not below 0. */
static bool queue_until(int blocking, PyObject *timeout, tl_time *ret)
{
	if (blocking && timeout != Py_None && PyFloat_AsDouble(timeout) < 0) {
		if (!PyErr_Occurred())
			PyErr_SetString(PyExc_ValueError, "a timeout below 0");
		return false;
	}
	return until(blocking, timeout, ret);
}

static PyObject *put(struct queue *self, PyObject *item, tl_time deadline)
{
	struct record record = { .item = item };
	int r;

	if (is(self, &priority_type) && !find_key(&record))
		return NULL;
	Py_INCREF(item);
	r = WAITING(tl_queue_put(self->q, &record, sizeof record, deadline));
	if (r >= 0)
		Py_RETURN_NONE;
	Py_DECREF(item);
	if (r != -EAGAIN && r != -ETIMEDOUT)
		return refuse(r);
	PyErr_SetNone(full_error);
	return NULL;
}

static PyObject *get(struct queue *self, tl_time deadline)
{
	struct record record;
	int r = WAITING(tl_queue_get(self->q, &record, sizeof record, deadline));

	if (r >= 0)
		return record.item;
	if (r != -EAGAIN && r != -ETIMEDOUT)
		return refuse(r);
	PyErr_SetNone(empty_error);
	return NULL;
}

static PyObject *queue_put(struct queue *self, PyObject *args, PyObject *named)
{
	static char *names[] = { "item", "block", "timeout", NULL };
	PyObject *item, *timeout = Py_None;
	int block = 1;
	tl_time deadline;

	if (!PyArg_ParseTupleAndKeywords(args, named, "O|pO", names, &item, &block, &timeout))
		return NULL;
	return queue_until(block, timeout, &deadline) ? put(self, item, deadline) : NULL;
}

static PyObject *queue_get(struct queue *self, PyObject *args, PyObject *named)
{
	static char *names[] = { "block", "timeout", NULL };
	PyObject *timeout = Py_None;
	int block = 1;
	tl_time deadline;

	if (!PyArg_ParseTupleAndKeywords(args, named, "|pO", names, &block, &timeout))
		return NULL;
	return queue_until(block, timeout, &deadline) ? get(self, deadline) : NULL;
}

static PyObject *queue_put_nowait(struct queue *self, PyObject *item)
{
	return put(self, item, TL_POLL);
}

static PyObject *queue_get_nowait(struct queue *self, PyObject *none)
{
	(void)none;
	return get(self, TL_POLL);
}

static PyObject *queue_qsize(struct queue *self, PyObject *none)
{
	(void)none;
	return PyLong_FromLong(tl_queue_count(self->q));
}

static PyObject *queue_empty(struct queue *self, PyObject *none)
{
	(void)none;
	return PyBool_FromLong(tl_queue_count(self->q) == 0);
}

static PyObject *queue_full(struct queue *self, PyObject *none)
{
	(void)none;
	return PyBool_FromLong(self->maxsize > 0 && tl_queue_count(self->q) >= self->maxsize);
}

static PyObject *queue_task_done(struct queue *self, PyObject *none)
{
	int r = tl_queue_done(self->q);

	(void)none;
	return r < 0 ? refuse(r) : Py_NewRef(Py_None);
}

static PyObject *queue_join(struct queue *self, PyObject *none)
{
	int r = WAITING(tl_queue_join(self->q, TL_NEVER));

	(void)none;
	return r < 0 ? refuse(r) : Py_NewRef(Py_None);
}

#define OF_ALL \
	NAMED("put", queue_put), NAMED("get", queue_get), \
		{ "put_nowait", (PyCFunction)queue_put_nowait, METH_O, NULL }, \
		PLAIN("get_nowait", queue_get_nowait), PLAIN("qsize", queue_qsize), \
		PLAIN("empty", queue_empty)

static PyMethodDef queue_methods[] = {
	OF_ALL,
	PLAIN("full", queue_full),
	PLAIN("task_done", queue_task_done),
	PLAIN("join", queue_join),
	{ 0 },
};

static PyMethodDef simple_methods[] = { OF_ALL, { 0 } };

static PyMemberDef queue_members[] = {
	{ "maxsize", T_PYSSIZET, offsetof(struct queue, maxsize), READONLY, NULL },
	{ 0 },
};

PyTypeObject queue_type = {
	TYPE_HEAD,
	.tp_name = "_telar.Queue",
	.tp_basicsize = sizeof(struct queue),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
	.tp_new = queue_new,
	.tp_init = queue_init,
	.tp_dealloc = (destructor)queue_drop,
	.tp_methods = queue_methods,
	.tp_members = queue_members,
};

PyTypeObject lifo_type = {
	TYPE_HEAD,
	.tp_name = "_telar.LifoQueue",
	.tp_base = &queue_type,
};

PyTypeObject priority_type = {
	TYPE_HEAD,
	.tp_name = "_telar.PriorityQueue",
	.tp_base = &queue_type,
};

PyTypeObject simple_type = {
	TYPE_HEAD,
	.tp_name = "_telar.SimpleQueue",
	.tp_basicsize = sizeof(struct queue),
	.tp_new = queue_new,
	.tp_dealloc = (destructor)queue_drop,
	.tp_methods = simple_methods,
};
