/* SPDX-License-Identifier: MIT
 *
 * The base class of ULID, and a fast constructor for subclasses of the standard library's
 * uuid.UUID.
 */
#include "bindings/python/values.h"

/* ---- ULID ------------------------------------------------------------------------------------ */

struct ulid {
	PyObject_HEAD
	struct snowid_id128 id;
};

static PyTypeObject ulid_type;

static const struct snowid_id128 *ulid_of(PyObject *object)
{
	return &((struct ulid *)(void *)object)->id;
}

static PyObject *new_ulid(PyObject *maker, const struct snowid_id128 *id)
{
	PyTypeObject *const type = (PyTypeObject *)(void *)maker;
	PyObject *const object = type->tp_alloc(type, 0);

	if (object)
		((struct ulid *)(void *)object)->id = *id;
	return object;
}

static int bytes_of_ulid_int(PyObject *number, struct snowid_id128 *id)
{
	PyObject *const bytes = PyObject_CallMethod(number, "to_bytes", "is", 16, "big");
	int error = -1;

	if (bytes)
		error = snowid_python_bytes(bytes, id->bytes, sizeof id->bytes);
	else if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
		PyErr_Clear();
		snowid_python_invalid("the int of a ULID is from 0 to 2**128 - 1");
	}
	Py_XDECREF(bytes);
	return error;
}

/* Converts a ULID, its text, its int, its 16 bytes or a uuid.UUID to the ID. */
static int parse_ulid_object(PyObject *value, struct snowid_id128 *id)
{
	if (PyObject_TypeCheck(value, &ulid_type)) {
		*id = *ulid_of(value);
		return 0;
	}
	if (PyUnicode_Check(value)) {
		Py_ssize_t size;
		const char *const text = snowid_python_text(value, "a ULID's text", &size);
		const int error = text ? snowid_ulid_parse(text, (size_t)size, id) : 0;
		if (error)
			snowid_python_raise(error, 0);
		return text && !error ? 0 : -1;
	}
	if (PyLong_Check(value))
		return bytes_of_ulid_int(value, id);
	if (PyObject_CheckBuffer(value))
		return snowid_python_bytes(value, id->bytes, sizeof id->bytes);

	/* A UUID, or another package's ULID. */
	PyObject *const bytes = PyObject_GetAttrString(value, "bytes");
	const int error = bytes ? snowid_python_bytes(bytes, id->bytes, sizeof id->bytes) : -1;
	if (!bytes && PyErr_ExceptionMatches(PyExc_AttributeError))
		PyErr_Format(PyExc_TypeError,
			     "a ULID is made of a str, 16 bytes, an int or a UUID, not of %.100s",
			     Py_TYPE(value)->tp_name);
	Py_XDECREF(bytes);
	return error;
}

static PyObject *ulid_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
	static const char *const names[] = {"value", NULL};
	PyObject *value = NULL;
	struct snowid_id128 id;

	if ((PyTuple_GET_SIZE(args) > 0 || keywords) &&
	    !PyArg_ParseTupleAndKeywords(args, keywords, "|O:ULID", KEYWORDS(names), &value))
		return NULL;
	if (value) {
		if (parse_ulid_object(value, &id) != 0)
			return NULL;
	} else {
		const int error = snowid_ulid_random(&id);
		if (error) {
			snowid_python_raise(error, 0);
			return NULL;
		}
	}
	return new_ulid((PyObject *)type, &id);
}

static PyObject *ulid_str(PyObject *self)
{
	char text[SNOWID_ULID_TEXT];

	snowid_ulid_format(ulid_of(self), text);
	PyObject *const string = PyUnicode_New(SNOWID_ULID_TEXT - 1, 127);
	if (string)
		memcpy(PyUnicode_1BYTE_DATA(string), text, SNOWID_ULID_TEXT - 1);
	return string;
}

static PyObject *ulid_repr(PyObject *self)
{
	char text[SNOWID_ULID_TEXT];

	snowid_ulid_format(ulid_of(self), text);
	return PyUnicode_FromFormat("ULID('%s')", text);
}

/* The last 8 bytes are usually random. Mix in the first 8 for ULIDs whose last 8 are equal. */
static Py_hash_t ulid_hash(PyObject *self)
{
	uint64_t high, low;

	memcpy(&high, ulid_of(self)->bytes, sizeof high);
	memcpy(&low, ulid_of(self)->bytes + 8, sizeof low);
	const uint64_t mixed = (high * UINT64_C(0x9e3779b97f4a7c15)) ^ low;
	const Py_hash_t hash = (Py_hash_t)mixed;
	return hash == -1 ? -2 : hash;
}

static PyObject *ulid_compare(PyObject *self, PyObject *other, int operation)
{
	if (!PyObject_TypeCheck(self, &ulid_type) || !PyObject_TypeCheck(other, &ulid_type))
		Py_RETURN_NOTIMPLEMENTED;
	const int order = memcmp(ulid_of(self)->bytes, ulid_of(other)->bytes, 16);
	Py_RETURN_RICHCOMPARE(order, 0, operation);
}

static int ulid_buffer(PyObject *self, Py_buffer *view, int flags)
{
	return PyBuffer_FillInfo(view, self, (void *)(uintptr_t)ulid_of(self)->bytes, 16, 1, flags);
}

static PyObject *ulid_bytes(PyObject *self, void *unused)
{
	(void)unused;
	return PyBytes_FromStringAndSize((const char *)ulid_of(self)->bytes, 16);
}

static PyObject *ulid_reduce(PyObject *self, PyObject *none)
{
	(void)none;
	return Py_BuildValue("O(N)", (PyObject *)Py_TYPE(self), ulid_bytes(self, NULL));
}

static PyMethodDef ulid_methods[] = {{"__reduce__", ulid_reduce, METH_NOARGS, NULL},
				     {NULL, NULL, 0, NULL}};
static PyGetSetDef ulid_properties[] = {
	{"bytes", ulid_bytes, NULL, "The 16 bytes, most significant first.", NULL},
	{NULL, NULL, NULL, NULL, NULL}};
static PyBufferProcs ulid_as_buffer = {.bf_getbuffer = ulid_buffer};

static PyTypeObject ulid_type = {
	PyVarObject_HEAD_INIT(NULL, 0) /* ends with a comma */
		.tp_name = "snowid._snowid.ULID",
	.tp_doc = "The base of snowid.ULID.",
	.tp_basicsize = sizeof(struct ulid),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
	.tp_new = ulid_new,
	.tp_str = ulid_str,
	.tp_repr = ulid_repr,
	.tp_hash = ulid_hash,
	.tp_richcompare = ulid_compare,
	.tp_as_buffer = &ulid_as_buffer,
	.tp_methods = ulid_methods,
	.tp_getset = ulid_properties,
};

/* ---- uuid.UUID ------------------------------------------------------------------------------- */

/* Makes objects of a class derived from uuid.UUID, whose own constructor is written in Python and
 * costs more than ten IDs. Sets the two slots directly instead, as pickle does. Its state is not in
 * static variables because each interpreter of a process has its own uuid.UUID. */
struct uuids {
	PyObject_HEAD
	PyTypeObject *type;
	PyObject *number, *is_safe; /* descriptors of the two slots */
	PyObject *unknown;          /* the value of is_safe */
};

static PyTypeObject uuids_type;

static struct uuids *uuids_of(PyObject *object)
{
	return (struct uuids *)(void *)object;
}

static PyObject *int_of_bytes(const struct snowid_id128 *id)
{
#if PY_VERSION_HEX >= 0x030d0000
	return PyLong_FromUnsignedNativeBytes(id->bytes, 16, Py_ASNATIVEBYTES_BIG_ENDIAN);
#else
	return _PyLong_FromByteArray(id->bytes, 16, 0, 0);
#endif
}

static int bytes_of_uuid_int(PyObject *number, struct snowid_id128 *id)
{
#if PY_VERSION_HEX >= 0x030d0000
	return PyLong_AsNativeBytes(number, id->bytes, 16, Py_ASNATIVEBYTES_BIG_ENDIAN) < 0 ? -1
											    : 0;
#else
	return _PyLong_AsByteArray((PyLongObject *)(void *)number, id->bytes, 16, 0, 0);
#endif
}

static int set_slot(PyObject *object, PyObject *slot, PyObject *value)
{
	return Py_TYPE(slot)->tp_descr_set(slot, object, value);
}

static PyObject *new_uuid(PyObject *maker, const struct snowid_id128 *id)
{
	const struct uuids *const uuids = uuids_of(maker);
	PyObject *const number = int_of_bytes(id);
	PyObject *object = number ? uuids->type->tp_alloc(uuids->type, 0) : NULL;

	if (object && (set_slot(object, uuids->number, number) != 0 ||
		       set_slot(object, uuids->is_safe, uuids->unknown) != 0))
		Py_CLEAR(object);
	Py_XDECREF(number);
	return object;
}

static PyObject *uuids_make(PyObject *self, PyObject *bytes)
{
	struct snowid_id128 id;

	return snowid_python_bytes(bytes, id.bytes, sizeof id.bytes) == 0 ? new_uuid(self, &id)
									  : NULL;
}

static PyObject *make_random_uuid(PyObject *self, int (*make)(struct snowid_id128 *id))
{
	struct snowid_id128 id;
	const int error = make(&id);

	if (error) {
		snowid_python_raise(error, 0);
		return NULL;
	}
	return new_uuid(self, &id);
}

PyDoc_STRVAR(uuid4_doc, "uuid4()\n--\n\n"
			"Makes a UUID of version 4 (RFC 9562): 122 random bits, and no time.");
static PyObject *uuids_uuid4(PyObject *self, PyObject *none)
{
	(void)none;
	return make_random_uuid(self, snowid_uuid4_random);
}

PyDoc_STRVAR(
	uuid7_doc,
	"uuid7()\n--\n\n"
	"Makes a UUID of version 7 (RFC 9562): the time in milliseconds, and 74 random bits.\n\n"
	"It needs no generator. UUIDs made by it are unordered within a millisecond.");
static PyObject *uuids_uuid7(PyObject *self, PyObject *none)
{
	(void)none;
	return make_random_uuid(self, snowid_uuid7_random);
}

/* UUID.__str__(). The standard library's costs more than making the UUID. */
static PyObject *uuids_text(PyObject *self, PyObject *object)
{
	PyObject *const slot = uuids_of(self)->number;
	PyObject *const number = Py_TYPE(slot)->tp_descr_get(slot, object, NULL);
	struct snowid_id128 id;
	char text[SNOWID_UUID_TEXT];

	const int error = number ? bytes_of_uuid_int(number, &id) : -1;
	Py_XDECREF(number);
	if (error)
		return NULL;
	snowid_uuid_format(&id, text);
	return PyUnicode_FromStringAndSize(text, SNOWID_UUID_TEXT - 1);
}

static PyMethodDef text_function = {"__str__", uuids_text, METH_O, "The text of a UUID."};

/* A builtin function is not bound when it is an attribute of a class, so wrap it in a method. */
static PyObject *uuids_text_method(PyObject *self, void *unused)
{
	PyObject *const function = PyCFunction_New(&text_function, self);
	PyObject *const method = function ? PyInstanceMethod_New(function) : NULL;

	(void)unused;
	Py_XDECREF(function);
	return method;
}

static PyObject *uuids_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
	PyObject *class, *unknown;

	(void)keywords;
	if (!PyArg_ParseTuple(args, "O!O:Uuids", &PyType_Type, &class, &unknown))
		return NULL;
	PyObject *const self = type->tp_alloc(type, 0);
	if (!self)
		return NULL;
	struct uuids *const uuids = uuids_of(self);
	Py_INCREF(class);
	uuids->type = (PyTypeObject *)(void *)class;
	Py_INCREF(unknown);
	uuids->unknown = unknown;
	uuids->number = PyObject_GetAttrString(class, "int");
	uuids->is_safe = uuids->number ? PyObject_GetAttrString(class, "is_safe") : NULL;
	if (uuids->is_safe && Py_TYPE(uuids->number)->tp_descr_set &&
	    Py_TYPE(uuids->is_safe)->tp_descr_set)
		return self;
	if (uuids->is_safe)
		PyErr_SetString(PyExc_TypeError, "this class of UUIDs has no slots");
	Py_DECREF(self);
	return NULL;
}

static int uuids_traverse(PyObject *self, visitproc visit, void *arg)
{
	const struct uuids *const uuids = uuids_of(self);

	Py_VISIT(uuids->type);
	Py_VISIT(uuids->number);
	Py_VISIT(uuids->is_safe);
	Py_VISIT(uuids->unknown);
	return 0;
}

static void uuids_dealloc(PyObject *self)
{
	struct uuids *const uuids = uuids_of(self);

	PyObject_GC_UnTrack(self);
	Py_XDECREF((PyObject *)uuids->type);
	Py_XDECREF(uuids->number);
	Py_XDECREF(uuids->is_safe);
	Py_XDECREF(uuids->unknown);
	Py_TYPE(self)->tp_free(self);
}

static PyMethodDef uuids_methods[] = {{"uuid4", uuids_uuid4, METH_NOARGS, uuid4_doc},
				      {"uuid7", uuids_uuid7, METH_NOARGS, uuid7_doc},
				      {"make", uuids_make, METH_O, NULL},
				      {NULL, NULL, 0, NULL}};
static PyGetSetDef uuids_properties[] = {{"text", uuids_text_method, NULL, NULL, NULL},
					 {NULL, NULL, NULL, NULL, NULL}};

static PyTypeObject uuids_type = {
	PyVarObject_HEAD_INIT(NULL, 0) /* ends with a comma */
		.tp_name = "snowid._snowid.Uuids",
	.tp_doc = "Makes UUIDs of a given class.",
	.tp_basicsize = sizeof(struct uuids),
	.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
	.tp_new = uuids_new,
	.tp_traverse = uuids_traverse,
	.tp_dealloc = uuids_dealloc,
	.tp_methods = uuids_methods,
	.tp_getset = uuids_properties,
};

/* ---- the module ------------------------------------------------------------------------------ */

snowid_python_new_fn *snowid_python_new_of(PyObject *maker)
{
	if (PyType_Check(maker) && PyType_IsSubtype((PyTypeObject *)(void *)maker, &ulid_type))
		return new_ulid;
	if (Py_IS_TYPE(maker, &uuids_type))
		return new_uuid;
	PyErr_SetString(PyExc_TypeError, "neither a class of ULIDs nor a maker of UUIDs");
	return NULL;
}

int snowid_python_add_types(PyObject *module)
{
	static PyTypeObject *const types[] = {&ulid_type, &uuids_type, &snowid_python_source_type};

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (PyModule_AddType(module, types[i]) != 0)
			return -1;
	return 0;
}
