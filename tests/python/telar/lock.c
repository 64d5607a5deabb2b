/* lock.c - Lock, RLock, and Condition on either.
 *
 * Both locks are one struct, as a tl_rlock begins with its tl_lock.  A lock object belongs to no
 * reference cycle, and a condition only refers to its lock, so neither is the collector's. */
#include "module.h"
#include <limits.h>

struct lock {
	PyObject head;
	PyObject *weak;
	tl_rlock l;
};

struct cond {
	PyObject head;
	PyObject *weak;
	struct lock *lock;
	tl_cond c;
};

static bool recursive(struct lock *self) { return Py_TYPE(self) == &rlock_type; }

static int acquire(struct lock *self, tl_time deadline)
{
	if (recursive(self))
		return WAITING(tl_rlock_acquire(&self->l, deadline));
	return WAITING(tl_lock_acquire(&self->l.lock, deadline));
}

static void release(struct lock *self)
{
	if (recursive(self))
		tl_rlock_release(&self->l);
	else
		tl_lock_release(&self->l.lock);
}

/* -1 is no timeout; what _thread refuses is refused. */
static bool lock_until(int blocking, double timeout, tl_time *ret)
{
	const char *wrong = !blocking && timeout != -1     ? "a timeout, but not to block"
			    : timeout < 0 && timeout != -1 ? "a timeout below 0"
							   : NULL;

	if (wrong) {
		PyErr_SetString(PyExc_ValueError, wrong);
		return false;
	}
	if (timeout > (double)(INT64_MAX / 1000000000)) {
		PyErr_SetString(PyExc_OverflowError, "a timeout beyond the clock");
		return false;
	}
	*ret = !blocking ? TL_POLL : timeout < 0 ? TL_NEVER : tl_after(tl_s(timeout));
	return true;
}

static PyObject *lock_acquire(struct lock *self, PyObject *args, PyObject *named)
{
	static char *names[] = { "blocking", "timeout", NULL };
	int blocking = 1, r;
	double timeout = -1;
	tl_time deadline;

	if (!PyArg_ParseTupleAndKeywords(args, named, "|pd", names, &blocking, &timeout))
		return NULL;
	if (!lock_until(blocking, timeout, &deadline))
		return NULL;
	r = acquire(self, deadline);
	/* Who only tries is told that it is taken, also if by himself. */
	return whether(r == -EDEADLK && !blocking ? -EAGAIN : r);
}

static PyObject *lock_release(struct lock *self, PyObject *args)
{
	(void)args;
	release(self);
	return none_unless_misused();
}

static PyObject *lock_enter(struct lock *self, PyObject *none)
{
	(void)none;
	return whether(acquire(self, TL_NEVER));
}

static PyObject *lock_locked(struct lock *self, PyObject *none)
{
	(void)none;
	return PyBool_FromLong(tl_rlock_held(&self->l));
}

/* In a child after fork; zero is a free lock. */
static PyObject *lock_renew(struct lock *self, PyObject *none)
{
	(void)none;
	self->l = (tl_rlock){ 0 };
	Py_RETURN_NONE;
}

static PyObject *rlock_is_owned(struct lock *self, PyObject *none)
{
	(void)none;
	return PyBool_FromLong(tl_rlock_depth(&self->l) > 0);
}

/* Release it whole; answers how deep it was. */
static PyObject *rlock_release_save(struct lock *self, PyObject *none)
{
	uint64_t depth = tl_rlock_depth(&self->l);

	if (depth == 0)
		return lock_release(self, none);
	for (uint64_t i = 0; i < depth; i++)
		tl_rlock_release(&self->l);
	return PyLong_FromUnsignedLongLong(depth);
}

static PyObject *lock_repr(struct lock *self)
{
	return PyUnicode_FromFormat("<%s %s object at %p>",
		tl_rlock_held(&self->l) ? "locked" : "unlocked", Py_TYPE(self)->tp_name, self);
}

static PyMethodDef lock_methods[] = {
	NAMED("acquire", lock_acquire),
	PLAIN("release", lock_release),
	PLAIN("locked", lock_locked),
	PLAIN("_at_fork_reinit", lock_renew),
	PLAIN("__enter__", lock_enter),
	{ "__exit__", (PyCFunction)lock_release, METH_VARARGS, NULL },
	{ 0 },
};

static PyMethodDef rlock_methods[] = {
	NAMED("acquire", lock_acquire),
	PLAIN("release", lock_release),
	PLAIN("_is_owned", rlock_is_owned),
	PLAIN("_release_save", rlock_release_save),
	PLAIN("__enter__", lock_enter),
	{ "__exit__", (PyCFunction)lock_release, METH_VARARGS, NULL },
	{ 0 },
};

PyTypeObject lock_type = {
	TYPE_HEAD,
	.tp_name = "_telar.Lock",
	.tp_basicsize = sizeof(struct lock),
	.tp_new = PyType_GenericNew,
	.tp_dealloc = drop,
	.tp_weaklistoffset = offsetof(struct lock, weak),
	.tp_repr = (reprfunc)lock_repr,
	.tp_methods = lock_methods,
};

PyTypeObject rlock_type = {
	TYPE_HEAD,
	.tp_name = "_telar.RLock",
	.tp_basicsize = sizeof(struct lock),
	.tp_new = PyType_GenericNew,
	.tp_dealloc = drop,
	.tp_weaklistoffset = offsetof(struct lock, weak),
	.tp_repr = (reprfunc)lock_repr,
	.tp_methods = rlock_methods,
};

/* -- condition */

static PyObject *cond_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
	static char *names[] = { "lock", NULL };
	PyObject *lock = Py_None;
	struct cond *self;

	if (!PyArg_ParseTupleAndKeywords(args, named, "|O", names, &lock))
		return NULL;
	if (lock != Py_None && Py_TYPE(lock) != &lock_type && Py_TYPE(lock) != &rlock_type)
		return PyErr_Format(PyExc_TypeError, "a condition needs a lock of _telar");
	self = (struct cond *)type->tp_alloc(type, 0);
	if (!self)
		return NULL;
	self->lock = (struct lock *)(lock == Py_None ? PyType_GenericNew(&rlock_type, NULL, NULL)
						     : Py_NewRef(lock));
	if (!self->lock)
		Py_CLEAR(self);
	return (PyObject *)self;
}

static void cond_drop(struct cond *self)
{
	Py_XDECREF(self->lock);
	drop((PyObject *)self);
}

static int wait(struct cond *self, tl_time deadline)
{
	if (recursive(self->lock))
		return WAITING(tl_cond_rwait(&self->c, &self->lock->l, deadline));
	return WAITING(tl_cond_wait(&self->c, &self->lock->l.lock, deadline));
}

static PyObject *cond_wait(struct cond *self, PyObject *args, PyObject *named)
{
	static char *names[] = { "timeout", NULL };
	PyObject *timeout = Py_None;
	tl_time deadline;

	if (!PyArg_ParseTupleAndKeywords(args, named, "|O", names, &timeout))
		return NULL;
	return until(true, timeout, &deadline) ? whether(wait(self, deadline)) : NULL;
}

/* tl_cond_wait_for, for a predicate that is Python's. */
static PyObject *cond_wait_for(struct cond *self, PyObject *args, PyObject *named)
{
	static char *names[] = { "predicate", "timeout", NULL };
	PyObject *predicate, *timeout = Py_None, *found;
	tl_time deadline;
	int r = 0, is;

	if (!PyArg_ParseTupleAndKeywords(args, named, "O|O", names, &predicate, &timeout))
		return NULL;
	if (!until(true, timeout, &deadline))
		return NULL;
	while ((found = PyObject_CallNoArgs(predicate))) {
		is = PyObject_IsTrue(found);
		if (is > 0 || (is == 0 && r == -ETIMEDOUT))
			return found;
		Py_DECREF(found);
		if (is < 0)
			return NULL;
		r = wait(self, deadline);
		if (r < 0 && r != -ETIMEDOUT)
			return refuse(r);
	}
	return NULL;
}

static PyObject *cond_notify(struct cond *self, PyObject *args, PyObject *named)
{
	static char *names[] = { "n", NULL };
	int n = 1;

	if (!PyArg_ParseTupleAndKeywords(args, named, "|i", names, &n))
		return NULL;
	tl_cond_notify(&self->c, n);
	return none_unless_misused();
}

static PyObject *cond_notify_all(struct cond *self, PyObject *none)
{
	(void)none;
	tl_cond_notify(&self->c, INT_MAX);
	return none_unless_misused();
}

static PyObject *cond_enter(struct cond *self, PyObject *none)
{
	return lock_enter(self->lock, none);
}

static PyObject *cond_exit(struct cond *self, PyObject *args)
{
	return lock_release(self->lock, args);
}

/* What it has not itself, its lock has: acquire, release and so on. */
static PyObject *cond_attribute(PyObject *self, PyObject *name)
{
	PyObject *found = PyObject_GenericGetAttr(self, name);

	if (found || !PyErr_ExceptionMatches(PyExc_AttributeError))
		return found;
	PyErr_Clear();
	return PyObject_GetAttr((PyObject *)((struct cond *)self)->lock, name);
}

static PyObject *cond_repr(struct cond *self)
{
	return PyUnicode_FromFormat("<_telar.Condition(%R)>", self->lock);
}

static PyMethodDef cond_methods[] = {
	NAMED("wait", cond_wait),
	NAMED("wait_for", cond_wait_for),
	NAMED("notify", cond_notify),
	PLAIN("notify_all", cond_notify_all),
	PLAIN("__enter__", cond_enter),
	{ "__exit__", (PyCFunction)cond_exit, METH_VARARGS, NULL },
	{ 0 },
};

PyTypeObject cond_type = {
	TYPE_HEAD,
	.tp_name = "_telar.Condition",
	.tp_basicsize = sizeof(struct cond),
	.tp_new = cond_new,
	.tp_dealloc = (destructor)cond_drop,
	.tp_weaklistoffset = offsetof(struct cond, weak),
	.tp_getattro = cond_attribute,
	.tp_repr = (reprfunc)cond_repr,
	.tp_methods = cond_methods,
};
