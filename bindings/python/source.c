/* SPDX-License-Identifier: MIT
 *
 * Source, the base of the class Generator: the calls that draw IDs. They are written by hand
 * because SWIG's wrappers would cost more than an ID, and because these calls decide when other
 * threads may run: IDs that are available are taken at once, and the interpreter is only released
 * for a wait. No ID is drawn before it is asked for.
 */
#include "bindings/python/snowid-python.h"
#include "bindings/python/values.h"

#define SLICE_NS UINT64_C(100000000) /* how long to wait before looking for signals */
/* After how many IDs to maintain the store, because draws that do not wait never renew it. Calls
 * that must not wait leave that to Generator.maintain(). */
#define MAINTAIN_EVERY 1024
#define QUICK_BATCH    65536 /* larger batches are worth releasing the interpreter */

struct source {
	PyObject_HEAD
	struct snowid_generator *generator; /* NULL before open() */
	PyObject *handle;                   /* keeps the generator alive */
	PyObject *maker;                    /* makes the objects of IDs; NULL if they are ints */
	snowid_python_new_fn *make;
	uint64_t timeout_ns;
	uint64_t until_maintain; /* IDs until the store is maintained */
};

static struct source *source_of(PyObject *object)
{
	return (struct source *)(void *)object;
}

/* An ID of 64 or 128 bits. */
union python_id_value {
	uint64_t narrow;
	struct snowid_id128 wide;
};

static PyObject *id_object(const struct source *source, const union python_id_value *id)
{
	return source->maker ? source->make(source->maker, &id->wide)
			     : PyLong_FromUnsignedLongLong(id->narrow);
}

/* ---- drawing --------------------------------------------------------------------------------- */

/* Ignores errors: if the store keeps failing, draws fail when they reach its limit. */
static void __attribute__((cold)) maintain_store(struct source *source)
{
	uint64_t again_ns = 0;
	int error; /* the next call that needs the store fails with it again */

	Py_BEGIN_ALLOW_THREADS
	error = snowid_generator_maintain(source->generator, &again_ns);
	Py_END_ALLOW_THREADS
	source->until_maintain = !error && again_ns == UINT64_MAX ? UINT64_MAX : MAINTAIN_EVERY;
}

static void count_drawn(struct source *source, uint64_t ids)
{
	source->until_maintain -= ids < source->until_maintain ? ids : source->until_maintain;
	if (source->until_maintain == 0)
		maintain_store(source);
}

static int try_draw(struct source *source, union python_id_value *id, uint64_t *wait_ns)
{
	return source->maker ? snowid_generator_try_next128(source->generator, &id->wide, wait_ns)
			     : snowid_generator_try_next(source->generator, &id->narrow, wait_ns);
}

static int draw_within(struct source *source, uint64_t timeout_ns, union python_id_value *id)
{
	int error;

	Py_BEGIN_ALLOW_THREADS
	error = source->maker
			? snowid_generator_next128_for(source->generator, timeout_ns, &id->wide)
			: snowid_generator_next_for(source->generator, timeout_ns, &id->narrow);
	Py_END_ALLOW_THREADS
	return error;
}

/* Whether a longer wait could still succeed after this error. */
static int is_temporary(int error)
{
	return error == SNOWID_E_EXHAUSTED || error == SNOWID_E_CLOCK || error == SNOWID_E_LIMIT;
}

/* Draws one ID after a try that failed. Waits for up to *timeout_ns and subtracts the time waited.
 * Returns -1 with an exception. */
static int __attribute__((cold, noinline))
draw_waiting(struct source *source, int error, uint64_t wait_ns, uint64_t *timeout_ns,
	     union python_id_value *id)
{
	for (; error; error = try_draw(source, id, &wait_ns)) {
		if (wait_ns == 0 || *timeout_ns == 0) {
			snowid_python_raise(error, wait_ns);
			return -1;
		}
		const uint64_t slice = *timeout_ns < SLICE_NS ? *timeout_ns : SLICE_NS;
		error = draw_within(source, slice, id);
		/* The time waited by the generator's own clock: the whole slice if it failed, else
		 * what the try predicted. */
		*timeout_ns -= error || wait_ns > slice ? slice : wait_ns;
		if (!error)
			break;
		if (!is_temporary(error)) {
			snowid_python_raise(error, 0);
			return -1;
		}
		if (PyErr_CheckSignals() != 0)
			return -1;
	}
	return 0;
}

/* Draws one ID. Returns -1 with an exception. */
static inline int draw_id(struct source *source, uint64_t *timeout_ns, union python_id_value *id)
{
	uint64_t wait_ns;
	const int error = try_draw(source, id, &wait_ns);

	if (__builtin_expect(error, 0))
		return draw_waiting(source, error, wait_ns, timeout_ns, id);
	if (*timeout_ns > 0)
		count_drawn(source, 1);
	return 0;
}

static inline PyObject *draw_id_object(struct source *source, uint64_t timeout_ns)
{
	union python_id_value id;

	return draw_id(source, &timeout_ns, &id) == 0 ? id_object(source, &id) : NULL;
}

/* ---- arguments ------------------------------------------------------------------------------- */

static int is_open(const struct source *source)
{
	if (source->generator)
		return 1;
	PyErr_SetString(PyExc_TypeError, "Generator.__init__() has not been called");
	return 0;
}

/* Reads a timeout: a span, which may be infinite, or None for the generator's own timeout. Ints and
 * floats, which are most of them, do not need a call of Python. */
static int parse_timeout(const struct source *source, PyObject *object, uint64_t *timeout_ns)
{
	if (object == Py_None) {
		*timeout_ns = source->timeout_ns;
		return 0;
	}
	if (PyLong_CheckExact(object)) {
		int overflow;
		const long long whole = PyLong_AsLongLongAndOverflow(object, &overflow);
		if (!overflow && whole >= 0 && whole < 10000000000) {
			*timeout_ns = (uint64_t)whole * 1000000000;
			return 0;
		}
	}
	if (PyFloat_CheckExact(object) &&
	    snowid_span_from_seconds(PyFloat_AS_DOUBLE(object), timeout_ns) == 0)
		return 0;
	return snowid_python_timeout(object, timeout_ns);
}

/* next() has one optional argument: timeout, by position or by name. */
static int parse_next_arguments(const struct source *source, PyObject *const *args,
				Py_ssize_t given, PyObject *names, uint64_t *timeout_ns)
{
	const Py_ssize_t named = names ? PyTuple_GET_SIZE(names) : 0;

	if (given + named > 1) {
		PyErr_SetString(PyExc_TypeError, "next() takes one argument at the most: timeout");
		return -1;
	}
	if (named == 1 &&
	    PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "timeout") != 0) {
		PyErr_Format(PyExc_TypeError, "next() has no argument %R",
			     PyTuple_GET_ITEM(names, 0));
		return -1;
	}
	return given + named == 1 ? parse_timeout(source, args[0], timeout_ns) : 0;
}

/* ---- one ID ---------------------------------------------------------------------------------- */

PyDoc_STRVAR(
	next_doc,
	"next($self, /, timeout=None)\n--\n\n"
	"Makes an ID: an int, a ULID or a UUID, depending on the kind of the generator.\n\n"
	"If the tick is used up or the clock is behind, it waits for up to timeout seconds, or\n"
	"for the generator's own timeout if that is None. Other threads run in the meantime.");
static PyObject *source_next(PyObject *self, PyObject *const *args, Py_ssize_t given,
			     PyObject *names)
{
	struct source *const source = source_of(self);
	uint64_t timeout_ns = source->timeout_ns;

	if (!is_open(source))
		return NULL;
	if ((given > 0 || names) &&
	    parse_next_arguments(source, args, given, names, &timeout_ns) != 0)
		return NULL;
	return draw_id_object(source, timeout_ns);
}

PyDoc_STRVAR(try_next_doc,
	     "try_next($self, /)\n--\n\n"
	     "Makes an ID without ever waiting.\n\n"
	     "If waiting would help, the attribute wait_ns of the error says for how long.");
static PyObject *source_try_next(PyObject *self, PyObject *none)
{
	struct source *const source = source_of(self);

	(void)none;
	return is_open(source) ? draw_id_object(source, 0) : NULL;
}

static PyObject *source_iternext(PyObject *self)
{
	struct source *const source = source_of(self);

	return is_open(source) ? draw_id_object(source, source->timeout_ns) : NULL;
}

/* ---- many IDs -------------------------------------------------------------------------------- */

static size_t id_size(const struct source *source)
{
	return source->maker ? sizeof(struct snowid_id128) : sizeof(uint64_t);
}

/* Takes the IDs that are available without waiting. The next draw_id() fails with the reason if
 * they are too few. */
static size_t take_available(struct source *source, unsigned char *ids, size_t wanted)
{
	size_t made = 0;
	PyThreadState *const others = wanted > QUICK_BATCH ? PyEval_SaveThread() : NULL;

	if (source->maker)
		snowid_generator_next128_batch(
			source->generator, (struct snowid_id128 *)(void *)ids, wanted, 0, &made);
	else
		snowid_generator_next_batch(source->generator, (uint64_t *)(void *)ids, wanted, 0,
					    &made);
	if (others)
		PyEval_RestoreThread(others);
	return made;
}

/* Fills `ids` with `wanted` IDs. Returns how many it made; fewer means that an exception is set. */
static size_t draw_many(struct source *source, uint64_t timeout_ns, unsigned char *ids,
			size_t wanted)
{
	const size_t size = id_size(source);
	const int may_wait = timeout_ns > 0;
	union python_id_value id;
	size_t made = 0;

	for (;;) {
		made += take_available(source, ids + made * size, wanted - made);
		if (made == wanted)
			break;
		if (draw_id(source, &timeout_ns, &id) != 0)
			break;
		memcpy(ids + made * size, &id, size);
		made++;
	}
	if (!PyErr_Occurred() && may_wait)
		count_drawn(source, made);
	return made;
}

static PyObject *id_list(const struct source *source, const unsigned char *ids, size_t made)
{
	PyObject *const list = PyList_New((Py_ssize_t)made);
	union python_id_value id;

	for (size_t i = 0; list && i < made; i++) {
		memcpy(&id, ids + i * id_size(source), id_size(source));
		PyObject *const object = id_object(source, &id);
		if (!object) {
			Py_DECREF(list);
			return NULL;
		}
		PyList_SET_ITEM(list, (Py_ssize_t)i, object);
	}
	return list;
}

/* Adds the IDs made before a failure to the exception that is set. */
static void attach_partial(PyObject *partial)
{
	PyObject *type, *error, *traceback;

	PyErr_Fetch(&type, &error, &traceback);
	PyErr_NormalizeException(&type, &error, &traceback);
	if (partial && PyObject_SetAttrString(error, "partial", partial) != 0)
		PyErr_Clear();
	Py_XDECREF(partial);
	PyErr_Restore(type, error, traceback);
}

PyDoc_STRVAR(
	batch_doc,
	"batch($self, /, count, timeout=None)\n--\n\n"
	"Makes a list of count IDs, in increasing order and consecutive within a tick.\n\n"
	"It waits like next(), for up to timeout seconds in total. If it fails, the attribute\n"
	"partial of the error is a list of the IDs already made.");
static PyObject *source_batch(PyObject *self, PyObject *args, PyObject *keywords)
{
	static const char *const names[] = {"count", "timeout", NULL};
	struct source *const source = source_of(self);
	PyObject *count_object, *timeout = Py_None, *list;
	uint64_t wanted, timeout_ns;

	if (!is_open(source) ||
	    !PyArg_ParseTupleAndKeywords(args, keywords, "O|O:batch", KEYWORDS(names),
					 &count_object, &timeout) ||
	    parse_timeout(source, timeout, &timeout_ns) != 0 ||
	    snowid_python_unsigned(count_object, "count", PY_SSIZE_T_MAX / 16, &wanted) != 0)
		return NULL;
	unsigned char *const ids = PyMem_Malloc((size_t)wanted * id_size(source));
	if (!ids)
		return PyErr_NoMemory();
	const size_t made = draw_many(source, timeout_ns, ids, (size_t)wanted);
	if (PyErr_Occurred()) {
		PyObject *type, *error, *traceback;
		PyErr_Fetch(&type, &error, &traceback);
		list = id_list(source, ids, made);
		PyErr_Restore(type, error, traceback);
		attach_partial(list);
		list = NULL;
	} else {
		list = id_list(source, ids, made);
	}
	PyMem_Free(ids);
	return list;
}

PyDoc_STRVAR(
	fill_doc,
	"fill($self, /, buffer, timeout=None)\n--\n\n"
	"Fills a writable buffer with IDs like those of batch(), and returns the buffer.\n\n"
	"Ints need a buffer of unsigned 64-bit items: an array('Q'), a numpy array of uint64, or\n"
	"a memoryview of either. ULIDs and UUIDs take 16 bytes each in any buffer of bytes. If\n"
	"it fails, the attribute partial of the error is the number of IDs in the buffer.");
static PyObject *source_fill(PyObject *self, PyObject *args, PyObject *keywords)
{
	static const char *const names[] = {"buffer", "timeout", NULL};
	struct source *const source = source_of(self);
	PyObject *buffer, *timeout = Py_None;
	uint64_t timeout_ns;
	Py_buffer view;

	if (!is_open(source) ||
	    !PyArg_ParseTupleAndKeywords(args, keywords, "O|O:fill", KEYWORDS(names), &buffer,
					 &timeout) ||
	    parse_timeout(source, timeout, &timeout_ns) != 0 ||
	    PyObject_GetBuffer(buffer, &view, PyBUF_CONTIG | PyBUF_FORMAT) != 0)
		return NULL;
	const char *const format = view.format ? view.format : "B";
	const size_t size = id_size(source), wanted = (size_t)view.len / size;
	int failed = 1;
	if (source->maker ? view.itemsize != 1 && view.itemsize != 16
			  : !(view.itemsize == 8 && strspn(format, "@=") + 1 == strlen(format) &&
			      strchr("QL", format[strlen(format) - 1]))) {
		PyErr_Format(PyExc_TypeError, "a buffer of %s is needed, not of format '%s'",
			     source->maker ? "bytes" : "unsigned 64-bit items", format);
	} else if ((size_t)view.len != wanted * size) {
		snowid_python_invalid("a buffer of a multiple of %zu bytes is needed, not of %zd",
				      size, view.len);
	} else {
		const size_t made = draw_many(source, timeout_ns, view.buf, wanted);
		failed = PyErr_Occurred() != NULL;
		if (failed)
			attach_partial(PyLong_FromSize_t(made));
	}
	PyBuffer_Release(&view);
	if (failed)
		return NULL;
	Py_INCREF(buffer);
	return buffer;
}

/* ---- opening and freeing --------------------------------------------------------------------- */

static int handle_signals(void *user)
{
	PyThreadState **const state = user;

	PyEval_RestoreThread(*state);
	const int raised = PyErr_CheckSignals() != 0;
	*state = PyEval_SaveThread();
	return raised;
}

/* The config belongs to the caller alone, who has just made it. */
int snowid_python_open(const struct snowid_config *config, const uint64_t *timeout_ns,
		       struct snowid_generator **generator)
{
	struct snowid_config *const own = (struct snowid_config *)(uintptr_t)config;
	PyThreadState *state;

	if (own)
		snowid_config_set_interrupt(own, handle_signals, &state);
	state = PyEval_SaveThread();
	const int error = timeout_ns ? snowid_generator_new_for(config, *timeout_ns, generator)
				     : snowid_generator_new(config, generator);
	PyEval_RestoreThread(state);
	if (own)
		snowid_config_set_interrupt(own, NULL, NULL);
	return error;
}

PyDoc_STRVAR(open_doc, "_open($self, handle, maker, timeout_ns, /)\n--\n\n"
		       "Makes this object draw its IDs from the generator of a handle.");
static PyObject *source_open(PyObject *self, PyObject *args)
{
	struct source *const source = source_of(self);
	PyObject *handle, *maker;
	unsigned long long timeout_ns;
	struct snowid_generator *generator;
	snowid_python_new_fn *make = NULL;

	if (!PyArg_ParseTuple(args, "OOK:_open", &handle, &maker, &timeout_ns))
		return NULL;
	if (source->generator) {
		PyErr_SetString(PyExc_TypeError, "a generator is made once");
		return NULL;
	}
	if (maker != Py_None && !(make = snowid_python_new_of(maker)))
		return NULL;
	generator = snowid_python_generator(handle);
	if (!generator)
		return NULL;
	Py_INCREF(handle);
	source->handle = handle;
	if (make) {
		Py_INCREF(maker);
		source->maker = maker;
	}
	source->make = make;
	source->timeout_ns = timeout_ns;
	source->until_maintain = MAINTAIN_EVERY;
	source->generator = generator;
	Py_RETURN_NONE;
}

static PyObject *source_reduce(PyObject *self, PyObject *none)
{
	(void)self;
	(void)none;
	PyErr_SetString(PyExc_TypeError,
			"a generator cannot be pickled or copied: share it by fork, or "
			"make one in each process, with a store or a worker of its own");
	return NULL;
}

static void source_dealloc(PyObject *self)
{
	struct source *const source = source_of(self);

	Py_XDECREF(source->handle);
	Py_XDECREF(source->maker);
	Py_TYPE(self)->tp_free(self);
}

#define FUNCTION(name) ((PyCFunction)(void (*)(void))(name))
static PyMethodDef source_methods[] = {
	{"next", FUNCTION(source_next), METH_FASTCALL | METH_KEYWORDS, next_doc},
	{"try_next", source_try_next, METH_NOARGS, try_next_doc},
	{"batch", FUNCTION(source_batch), METH_VARARGS | METH_KEYWORDS, batch_doc},
	{"fill", FUNCTION(source_fill), METH_VARARGS | METH_KEYWORDS, fill_doc},
	{"_open", source_open, METH_VARARGS, open_doc},
	{"__reduce__", source_reduce, METH_NOARGS, NULL},
	{NULL, NULL, 0, NULL}};

PyTypeObject snowid_python_source_type = {
	PyVarObject_HEAD_INIT(NULL, 0) /* ends with a comma */
		.tp_name = "snowid._snowid.Source",
	.tp_doc = "The methods that make IDs; see Generator.",
	.tp_basicsize = sizeof(struct source),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
	.tp_new = PyType_GenericNew,
	.tp_dealloc = source_dealloc,
	.tp_iter = PyObject_SelfIter,
	.tp_iternext = source_iternext,
	.tp_methods = source_methods,
};
