/* module.h - what the files of _telar share: status to exception, timeout to deadline. */
#ifndef TELAR_TESTS_PYTHON_MODULE_H
#define TELAR_TESTS_PYTHON_MODULE_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <errno.h>
#include <structmember.h>
#include <telar.h>

/* Give the processor to other Python threads for one call that may wait. */
#define WAITING(call) \
	({ \
		PyThreadState *state_ = PyEval_SaveThread(); \
		int status_ = (call); \
		PyEval_RestoreThread(state_); \
		status_; \
	})

/* A method of a type, with or without arguments. */
#define NAMED(name, fn) \
	{ \
		name, (PyCFunction)(void (*)(void))fn, METH_VARARGS | METH_KEYWORDS, NULL \
	}
#define PLAIN(name, fn) \
	{ \
		name, (PyCFunction)fn, METH_NOARGS, NULL \
	}

/* What a static type begins with: the one reference that is never given up. */
#define TYPE_HEAD .ob_base.ob_base.ob_refcnt = 1

/* The exception of a status < 0; answers NULL. */
PyObject *refuse(int r);

/* None, or RuntimeError if telar has reported a misuse since the thread last asked: for what
 * answers nothing. */
PyObject *none_unless_misused(void);

/* True, False for a deadline or TL_POLL, or the exception. */
PyObject *whether(int r);

/* false: an exception is set.  timeout: None or NULL is for ever; not blocking comes first. */
bool until(int blocking, PyObject *timeout, tl_time *ret);

/* An object's end, also for weak references; where they are is tp_weaklistoffset. */
void drop(PyObject *self);

extern PyTypeObject lock_type, rlock_type, cond_type, sem_type, bounded_type, event_type,
	barrier_type, queue_type, lifo_type, priority_type, simple_type;
extern PyObject *broken_error, *empty_error, *full_error;

#endif
