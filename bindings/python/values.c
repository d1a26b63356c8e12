/* SPDX-License-Identifier: MIT
 *
 * ULID, a value of 16 bytes with the speed of an int, and objects of the standard library's uuid.UUID.
 */
#include "bindings/python/values.h"

/* ---- ULID ------------------------------------------------------------------------------------ */

struct ulid {
	PyObject_HEAD struct snowid_id128 id;
};

static PyTypeObject ulid_type;

static const struct snowid_id128 *ulid_of(PyObject *object)
{
	return &((struct ulid *)(void *)object)->id;
}

static PyObject *new_ulid(PyTypeObject *type, const struct snowid_id128 *id)
{
	PyObject *const object = type->tp_alloc(type, 0);

	if (object)
		((struct ulid *)(void *)object)->id = *id;
	return object;
}

static int bytes_of_int(PyObject *number, struct snowid_id128 *id)
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

/* Reads what may stand for a ULID: one, its text, its number, its 16 bytes, or a uuid.UUID. */
static int read_ulid(PyObject *value, struct snowid_id128 *id)
{
	if (PyObject_TypeCheck(value, &ulid_type)) {
		*id = *ulid_of(value);
		return 0;
	}
	if (PyUnicode_Check(value)) {
		Py_ssize_t size;
		const char *const text = snowid_python_text(value, &size);
		const int error = text ? snowid_ulid_parse(text, (size_t)size, id) : 0;
		if (error)
			snowid_python_raise(error, 0);
		return text && !error ? 0 : -1;
	}
	if (PyLong_Check(value))
		return bytes_of_int(value, id);
	if (PyObject_CheckBuffer(value))
		return snowid_python_bytes(value, id->bytes, sizeof id->bytes);

	const int is_uuid = snowid_python_is_uuid(value);
	PyObject *const bytes = is_uuid == 1 ? PyObject_GetAttrString(value, "bytes") : NULL;
	const int error = bytes ? snowid_python_bytes(bytes, id->bytes, sizeof id->bytes) : -1;
	Py_XDECREF(bytes);
	if (is_uuid == 0)
		PyErr_Format(PyExc_TypeError,
			     "a ULID is made of a str, 16 bytes, an int or a UUID, not of %.100s",
			     Py_TYPE(value)->tp_name);
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
		if (read_ulid(value, &id) != 0)
			return NULL;
	} else {
		const int error = snowid_ulid_random(&id);
		if (error) {
			snowid_python_raise(error, 0);
			return NULL;
		}
	}
	return new_ulid(type, &id);
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

/* The last 8 bytes are random; where they are not, the first differ. */
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
	PyVarObject_HEAD_INIT(NULL, 0).tp_name = "snowid._snowid.ULID",
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

/* uuid.UUID, its two slots, and what stands in the second. Its own constructor is written in Python
 * and costs more than ten IDs; its slots are set as pickle would. */
static PyTypeObject *uuid_type;
static PyObject *uuid_int, *uuid_is_safe, *uuid_unknown;
static PyTypeObject *our_uuid; /* snowid.UUID */

int snowid_python_is_uuid(PyObject *object)
{
	return PyObject_TypeCheck(object, uuid_type) ? 1 : 0;
}

static PyObject *number_of(const struct snowid_id128 *id)
{
#if PY_VERSION_HEX >= 0x030d0000
	return PyLong_FromUnsignedNativeBytes(id->bytes, 16, Py_ASNATIVEBYTES_BIG_ENDIAN);
#else
	return _PyLong_FromByteArray(id->bytes, 16, 0, 0);
#endif
}

static int set_slot(PyObject *object, PyObject *slot, PyObject *value)
{
	return Py_TYPE(slot)->tp_descr_set(slot, object, value);
}

static PyObject *new_uuid(PyTypeObject *type, const struct snowid_id128 *id)
{
	PyObject *const number = number_of(id);
	PyObject *object = number ? type->tp_alloc(type, 0) : NULL;

	if (object && (set_slot(object, uuid_int, number) != 0 ||
		       set_slot(object, uuid_is_safe, uuid_unknown) != 0))
		Py_CLEAR(object);
	Py_XDECREF(number);
	return object;
}

snowid_python_new_fn *snowid_python_new_of(PyObject *type)
{
	if (PyType_Check(type)) {
		PyTypeObject *const class = (PyTypeObject *)(void *)type;
		if (PyType_IsSubtype(class, &ulid_type))
			return new_ulid;
		if (PyType_IsSubtype(class, uuid_type))
			return new_uuid;
	}
	PyErr_SetString(PyExc_TypeError, "neither a class of ULIDs nor of UUIDs");
	return NULL;
}

/* ---- functions of the module ----------------------------------------------------------------- */

static PyObject *use_uuid(PyObject *module, PyObject *type)
{
	(void)module;
	if (snowid_python_new_of(type) != new_uuid)
		return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "not a UUID");
	Py_INCREF(type);
	Py_XDECREF((PyObject *)our_uuid);
	our_uuid = (PyTypeObject *)(void *)type;
	Py_RETURN_NONE;
}

static PyObject *make_uuid(PyObject *module, PyObject *bytes)
{
	struct snowid_id128 id;

	(void)module;
	return snowid_python_bytes(bytes, id.bytes, sizeof id.bytes) == 0 ? new_uuid(our_uuid, &id)
									  : NULL;
}

PyDoc_STRVAR(uuid7_doc,
	     "uuid7()\n--\n\n"
	     "A new UUID of version 7 (RFC 9562): its time in milliseconds, and 74 random "
	     "bits.\n\nNeeds no generator, and gives no order within a millisecond.");
static PyObject *uuid7(PyObject *module, PyObject *none)
{
	struct snowid_id128 id;

	(void)module;
	(void)none;
	const int error = snowid_uuid7_random(&id);
	if (error) {
		snowid_python_raise(error, 0);
		return NULL;
	}
	return new_uuid(our_uuid, &id);
}

static int bytes_of_number(PyObject *number, struct snowid_id128 *id)
{
#if PY_VERSION_HEX >= 0x030d0000
	return PyLong_AsNativeBytes(number, id->bytes, 16, Py_ASNATIVEBYTES_BIG_ENDIAN) < 0 ? -1
											    : 0;
#else
	return _PyLong_AsByteArray((PyLongObject *)(void *)number, id->bytes, 16, 0, 0);
#endif
}

/* UUID.__str__: that of the standard library costs more than the UUID. */
static PyObject *uuid_text(PyObject *module, PyObject *object)
{
	struct snowid_id128 id;
	char text[SNOWID_UUID_TEXT];

	(void)module;
	if (!snowid_python_is_uuid(object))
		return PyErr_Format(PyExc_TypeError, "not a UUID");
	PyObject *const number =
		Py_TYPE(uuid_int)->tp_descr_get(uuid_int, object, (PyObject *)Py_TYPE(object));
	const int error = number ? bytes_of_number(number, &id) : -1;
	Py_XDECREF(number);
	if (error)
		return NULL;
	snowid_uuid_format(&id, text);
	return PyUnicode_FromStringAndSize(text, SNOWID_UUID_TEXT - 1);
}
static PyMethodDef uuid_text_function = {"__str__", uuid_text, METH_O, "The text of a UUID."};

static int add_uuid_text(PyObject *module)
{
	PyObject *const function = PyCFunction_New(&uuid_text_function, NULL);
	PyObject *const method = function ? PyInstanceMethod_New(function) : NULL;

	Py_XDECREF(function);
	if (method && PyModule_AddObject(module, "uuid_text", method) == 0)
		return 0;
	Py_XDECREF(method);
	return -1;
}

static PyMethodDef functions[] = {{"uuid7", uuid7, METH_NOARGS, uuid7_doc},
				  {"make_uuid", make_uuid, METH_O, NULL},
				  {"use_uuid", use_uuid, METH_O, NULL},
				  {NULL, NULL, 0, NULL}};

static int import_uuid(void)
{
	PyObject *const module = PyImport_ImportModule("uuid");
	PyObject *safe = NULL;

	if (!module)
		return -1;
	PyObject *const type = PyObject_GetAttrString(module, "UUID");
	if (type) {
		uuid_type = (PyTypeObject *)(void *)type;
		uuid_int = PyObject_GetAttrString(type, "int");
		uuid_is_safe = PyObject_GetAttrString(type, "is_safe");
		safe = PyObject_GetAttrString(module, "SafeUUID");
	}
	if (safe)
		uuid_unknown = PyObject_GetAttrString(safe, "unknown");
	Py_XDECREF(safe);
	Py_DECREF(module);
	if (!uuid_int || !uuid_is_safe || !uuid_unknown)
		return -1;
	if (Py_TYPE(uuid_int)->tp_descr_set && Py_TYPE(uuid_is_safe)->tp_descr_set)
		return 0;
	PyErr_SetString(PyExc_ImportError, "this uuid.UUID has no slots");
	return -1;
}

int snowid_python_add_types(PyObject *module)
{
	if (import_uuid() != 0 || PyType_Ready(&ulid_type) != 0 ||
	    PyType_Ready(&snowid_python_source_type) != 0 ||
	    PyModule_AddFunctions(module, functions) != 0 || add_uuid_text(module) != 0)
		return -1;
	Py_INCREF(&ulid_type);
	Py_INCREF(&snowid_python_source_type);
	our_uuid = uuid_type;
	Py_INCREF((PyObject *)our_uuid);
	return PyModule_AddObject(module, "ULID", (PyObject *)&ulid_type) != 0 ||
			       PyModule_AddObject(module, "Source",
						  (PyObject *)&snowid_python_source_type) != 0
		       ? -1
		       : 0;
}
