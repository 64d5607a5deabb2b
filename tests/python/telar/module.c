/* module.c - _telar: telar's primitives under the names and manners of Python's threading and
 * queue, so that CPython's own tests can be run on them.
 *
 * What may wait does so without Python's big lock; what never waits keeps it.  That cannot block:
 * inside telar nobody who holds one of its short locks waits for the big one, since nothing that
 * it calls there is Python (the order of a queue compares keys made before, see queue.c; a
 * barrier's action runs with no lock held).
 *
 * A misuse is a report, not a status, where a call answers nothing; it becomes a RuntimeError of
 * the thread that made the call.  Every other report is a line on stderr, and is counted. */
#include "module.h"
#include <stdatomic.h>

PyObject *broken_error, *empty_error, *full_error;

static _Thread_local char misuse[128]; /* what the thread's last call was told; "": nothing */
static _Atomic int others;             /* reports of any other kind */

static void heard(const tl_report *r, void *arg)
{
	(void)arg;
	if (r->kind == TL_R_MISUSE) {
		snprintf(misuse, sizeof misuse, "%s", r->text);
		return;
	}
	atomic_fetch_add_explicit(&others, 1, memory_order_relaxed);
	fprintf(stderr, "telar reports: %s: %s\n", r->name, r->text);
}

PyObject *refuse(int r)
{
	static const struct {
		int status;
		PyObject **error;
	} known[] = {
		{ -EINVAL, &PyExc_ValueError },
		{ -EOVERFLOW, &PyExc_ValueError },
		{ -ENOMEM, &PyExc_MemoryError },
		{ -EPIPE, &broken_error },
	};
	PyObject *error = PyExc_RuntimeError;

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (known[i].status == r)
			error = *known[i].error;
	PyErr_SetString(error, misuse[0] ? misuse : tl_error_name(r));
	misuse[0] = 0;
	return NULL;
}

PyObject *none_unless_misused(void)
{
	if (misuse[0])
		return refuse(-EPERM);
	Py_RETURN_NONE;
}

PyObject *whether(int r)
{
	if (r == -EAGAIN || r == -ETIMEDOUT)
		Py_RETURN_FALSE;
	if (r < 0)
		return refuse(r);
	Py_RETURN_TRUE;
}

bool until(int blocking, PyObject *timeout, tl_time *ret)
{
	double seconds = 0;

	if (blocking && timeout && timeout != Py_None) {
		seconds = PyFloat_AsDouble(timeout);
		if (seconds == -1 && PyErr_Occurred())
			return false;
		*ret = tl_after(tl_s(seconds));
	} else {
		*ret = blocking ? TL_NEVER : TL_POLL;
	}
	return true;
}

void drop(PyObject *self)
{
	if (Py_TYPE(self)->tp_weaklistoffset)
		PyObject_ClearWeakRefs(self);
	Py_TYPE(self)->tp_free(self);
}

/* -- the module */

static PyObject *strands(PyObject *self, PyObject *none)
{
	(void)self, (void)none;
	return PyLong_FromLong(tl_list(NULL, 0));
}

static PyObject *reports(PyObject *self, PyObject *none)
{
	(void)self, (void)none;
	return PyLong_FromLong(atomic_load_explicit(&others, memory_order_relaxed));
}

static PyMethodDef functions[] = {
	{ "strands", strands, METH_NOARGS, "How many strands telar knows." },
	{ "reports", reports, METH_NOARGS, "How many reports there were but for misuse." },
	{ 0 },
};

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "_telar",
	.m_size = -1,
	.m_methods = functions,
};

static bool add_types(PyObject *module)
{
	PyTypeObject *types[] = { &lock_type, &rlock_type, &cond_type, &sem_type, &bounded_type,
		&event_type, &barrier_type, &queue_type, &lifo_type, &priority_type, &simple_type };

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (PyModule_AddType(module, types[i]) < 0)
			return false;
	return true;
}

static PyObject *add_error(PyObject *module, const char *name, const char *full_name)
{
	PyObject *error = PyErr_NewException(full_name, PyExc_Exception, NULL);

	return PyModule_AddObjectRef(module, name, error) < 0 ? NULL : error;
}

PyMODINIT_FUNC PyInit__telar(void)
{
	PyObject *module = PyModule_Create(&definition);

	if (!module || !add_types(module))
		return NULL;
	broken_error = add_error(module, "BrokenBarrierError", "_telar.BrokenBarrierError");
	empty_error = add_error(module, "Empty", "_telar.Empty");
	full_error = add_error(module, "Full", "_telar.Full");
	if (!broken_error || !empty_error || !full_error)
		return NULL;
	tl_on_report(heard, NULL);
	return module;
}
