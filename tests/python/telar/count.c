/* count.c - Event, Semaphore, BoundedSemaphore, Barrier. */
#include "module.h"
#include <limits.h>

/* -- event */

struct event {
	PyObject head;
	tl_event e;
};

static PyObject *event_wait(struct event *self, PyObject *args, PyObject *named)
{
	static char *names[] = { "timeout", NULL };
	PyObject *timeout = Py_None;
	tl_time deadline;

	if (!PyArg_ParseTupleAndKeywords(args, named, "|O", names, &timeout))
		return NULL;
	if (!until(true, timeout, &deadline))
		return NULL;
	return whether(WAITING(tl_event_wait(&self->e, deadline)));
}

static PyObject *event_is_set(struct event *self, PyObject *none)
{
	(void)none;
	return PyBool_FromLong(tl_event_is_set(&self->e));
}

static PyObject *event_set(struct event *self, PyObject *none)
{
	(void)none;
	tl_event_set(&self->e);
	return none_unless_misused();
}

static PyObject *event_clear(struct event *self, PyObject *none)
{
	(void)none;
	tl_event_clear(&self->e);
	return none_unless_misused();
}

static PyObject *event_repr(struct event *self)
{
	return PyUnicode_FromFormat(
		"<_telar.Event at %p: %s>", self, tl_event_is_set(&self->e) ? "set" : "unset");
}

static PyMethodDef event_methods[] = {
	NAMED("wait", event_wait),
	PLAIN("is_set", event_is_set),
	PLAIN("set", event_set),
	PLAIN("clear", event_clear),
	{ 0 },
};

PyTypeObject event_type = {
	TYPE_HEAD,
	.tp_name = "_telar.Event",
	.tp_basicsize = sizeof(struct event),
	.tp_new = PyType_GenericNew,
	.tp_dealloc = drop,
	.tp_repr = (reprfunc)event_repr,
	.tp_methods = event_methods,
};

/* -- semaphore */

struct sem {
	PyObject head;
	tl_sem m;
};

static PyObject *sem_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
	static char *names[] = { "value", NULL };
	bool bounded = type == &bounded_type;
	Py_ssize_t value = 1;
	struct sem *self;

	if (!PyArg_ParseTupleAndKeywords(args, named, "|n", names, &value))
		return NULL;
	if (value < bounded || value > INT_MAX)
		return PyErr_Format(PyExc_ValueError, "no value of a %s", type->tp_name);
	self = (struct sem *)type->tp_alloc(type, 0);
	if (self)
		self->m = (tl_sem){ .value = (int)value, .limit = bounded ? (int)value : 0 };
	return (PyObject *)self;
}

static PyObject *sem_acquire(struct sem *self, PyObject *args, PyObject *named)
{
	static char *names[] = { "blocking", "timeout", NULL };
	PyObject *timeout = Py_None;
	int blocking = 1;
	tl_time deadline;

	if (!PyArg_ParseTupleAndKeywords(args, named, "|pO", names, &blocking, &timeout))
		return NULL;
	if (!blocking && timeout != Py_None)
		return PyErr_Format(PyExc_ValueError, "a timeout, but not to block");
	if (!until(blocking, timeout, &deadline))
		return NULL;
	return whether(WAITING(tl_sem_acquire(&self->m, deadline)));
}

static PyObject *sem_enter(struct sem *self, PyObject *none)
{
	(void)none;
	return whether(WAITING(tl_sem_acquire(&self->m, TL_NEVER)));
}

static PyObject *sem_release(struct sem *self, PyObject *args, PyObject *named)
{
	static char *names[] = { "n", NULL };
	int n = 1, r;

	if (!PyArg_ParseTupleAndKeywords(args, named, "|i", names, &n))
		return NULL;
	r = tl_sem_release(&self->m, n);
	return r < 0 ? refuse(r) : Py_NewRef(Py_None);
}

static PyObject *sem_exit(struct sem *self, PyObject *args)
{
	int r = tl_sem_release(&self->m, 1);

	(void)args;
	return r < 0 ? refuse(r) : Py_NewRef(Py_None);
}

static PyObject *sem_repr(struct sem *self)
{
	const char *name = Py_TYPE(self)->tp_name;
	int count = tl_sem_count(&self->m);

	if (self->m.limit)
		return PyUnicode_FromFormat(
			"<%s at %p: value=%d/%d>", name, self, count, self->m.limit);
	return PyUnicode_FromFormat("<%s at %p: value=%d>", name, self, count);
}

static PyMethodDef sem_methods[] = {
	NAMED("acquire", sem_acquire),
	NAMED("release", sem_release),
	PLAIN("__enter__", sem_enter),
	{ "__exit__", (PyCFunction)sem_exit, METH_VARARGS, NULL },
	{ 0 },
};

PyTypeObject sem_type = {
	TYPE_HEAD,
	.tp_name = "_telar.Semaphore",
	.tp_basicsize = sizeof(struct sem),
	.tp_new = sem_new,
	.tp_dealloc = drop,
	.tp_repr = (reprfunc)sem_repr,
	.tp_methods = sem_methods,
};

PyTypeObject bounded_type = {
	TYPE_HEAD,
	.tp_name = "_telar.BoundedSemaphore",
	.tp_basicsize = sizeof(struct sem),
	.tp_new = sem_new,
	.tp_dealloc = drop,
	.tp_repr = (reprfunc)sem_repr,
	.tp_methods = sem_methods,
};

/* -- barrier */

struct barrier {
	PyObject head;
	PyObject *action, *timeout;
	tl_barrier b;
};

/* Run by the last to come, with no lock held; its exception stays the thread's. */
static int act(void *action)
{
	PyGILState_STATE state = PyGILState_Ensure();
	PyObject *done = PyObject_CallNoArgs(action);
	int r = done ? 0 : -ECANCELED;

	Py_XDECREF(done);
	PyGILState_Release(state);
	return r;
}

static PyObject *barrier_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
	static char *names[] = { "parties", "action", "timeout", NULL };
	PyObject *action = Py_None, *timeout = Py_None;
	struct barrier *self;
	int parties;

	if (!PyArg_ParseTupleAndKeywords(args, named, "i|OO", names, &parties, &action, &timeout))
		return NULL;
	if (parties < 1)
		return refuse(-EINVAL);
	self = (struct barrier *)type->tp_alloc(type, 0);
	if (!self)
		return NULL;
	self->action = Py_NewRef(action);
	self->timeout = Py_NewRef(timeout);
	self->b.parties = (uint32_t)parties;
	self->b.action = action == Py_None ? NULL : act;
	self->b.arg = action;
	return (PyObject *)self;
}

static void barrier_drop(struct barrier *self)
{
	Py_XDECREF(self->action);
	Py_XDECREF(self->timeout);
	drop((PyObject *)self);
}

static PyObject *barrier_wait(struct barrier *self, PyObject *args, PyObject *named)
{
	static char *names[] = { "timeout", NULL };
	PyObject *timeout = Py_None;
	tl_time deadline;
	int r;

	if (!PyArg_ParseTupleAndKeywords(args, named, "|O", names, &timeout))
		return NULL;
	if (!until(true, timeout == Py_None ? self->timeout : timeout, &deadline))
		return NULL;
	r = WAITING(tl_barrier_wait(&self->b, deadline));
	if (r < 0 && PyErr_Occurred())
		return NULL; /* the action's */
	if (r < 0)
		return refuse(r == -ETIMEDOUT ? -EPIPE : r);
	return PyLong_FromLong(r);
}

static PyObject *barrier_abort(struct barrier *self, PyObject *none)
{
	(void)none;
	tl_barrier_abort(&self->b);
	Py_RETURN_NONE;
}

static PyObject *barrier_reset(struct barrier *self, PyObject *none)
{
	(void)none;
	tl_barrier_reset(&self->b);
	Py_RETURN_NONE;
}

static PyObject *barrier_parties(struct barrier *self, void *closure)
{
	(void)closure;
	return PyLong_FromLong(self->b.parties);
}

static PyObject *barrier_waiting(struct barrier *self, void *closure)
{
	(void)closure;
	return PyLong_FromLong(tl_barrier_waiting(&self->b));
}

static PyObject *barrier_broken(struct barrier *self, void *closure)
{
	(void)closure;
	return PyBool_FromLong(tl_barrier_broken(&self->b));
}

static PyObject *barrier_repr(struct barrier *self)
{
	if (tl_barrier_broken(&self->b))
		return PyUnicode_FromFormat("<_telar.Barrier at %p: broken>", self);
	return PyUnicode_FromFormat("<_telar.Barrier at %p: waiters=%d/%u>", self,
		tl_barrier_waiting(&self->b), self->b.parties);
}

static PyMethodDef barrier_methods[] = {
	NAMED("wait", barrier_wait),
	PLAIN("abort", barrier_abort),
	PLAIN("reset", barrier_reset),
	{ 0 },
};

static PyGetSetDef barrier_values[] = {
	{ "parties", (getter)barrier_parties, NULL, NULL, NULL },
	{ "n_waiting", (getter)barrier_waiting, NULL, NULL, NULL },
	{ "broken", (getter)barrier_broken, NULL, NULL, NULL },
	{ 0 },
};

PyTypeObject barrier_type = {
	TYPE_HEAD,
	.tp_name = "_telar.Barrier",
	.tp_basicsize = sizeof(struct barrier),
	.tp_new = barrier_new,
	.tp_dealloc = (destructor)barrier_drop,
	.tp_repr = (reprfunc)barrier_repr,
	.tp_methods = barrier_methods,
	.tp_getset = barrier_values,
};
