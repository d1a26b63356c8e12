/* SPDX-License-Identifier: MIT
 *
 * Converts Python objects to C values, and errors to exceptions.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "bindings/python/snowid-python.h"
#include "snowid.h"

/* Calls a function of one of the package's Python modules. */
static PyObject *call_python(const char *module_name, const char *name, const char *format, ...)
{
	PyObject *const module = PyImport_ImportModule(module_name);
	PyObject *function = NULL, *arguments = NULL, *result = NULL;
	va_list list;

	va_start(list, format);
	if (module)
		function = PyObject_GetAttrString(module, name);
	if (function)
		arguments = Py_VaBuildValue(format, list);
	va_end(list);
	if (arguments)
		result = PyObject_CallObject(function, arguments);
	Py_XDECREF(arguments);
	Py_XDECREF(function);
	Py_XDECREF(module);
	return result;
}

static void set_exception(PyObject *exception)
{
	if (exception)
		PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
	Py_XDECREF(exception);
}

void snowid_python_raise(int error, uint64_t wait_ns)
{
	char detail[512];

	if (error == -ENOMEM) {
		PyErr_NoMemory();
		return;
	}
	if (snowid_error_detail(detail, sizeof detail) == 0)
		detail[0] = '\0';
	set_exception(call_python("snowid._errors", "make", "(isK)", error, detail,
				  (unsigned long long)wait_ns));
}

void snowid_python_invalid(const char *format, ...)
{
	char text[200];
	va_list list;

	va_start(list, format);
	PyOS_vsnprintf(text, sizeof text, format, list);
	va_end(list);
	set_exception(call_python("snowid._errors", "invalid", "(s)", text));
}

/* PyNumber_Index(), with an error message that names the argument. */
static PyObject *as_python_int(PyObject *object, const char *what)
{
	PyObject *const number = PyNumber_Index(object);

	if (!number && PyErr_ExceptionMatches(PyExc_TypeError))
		PyErr_Format(PyExc_TypeError, "%s must be an int, not %.100s", what,
			     Py_TYPE(object)->tp_name);
	return number;
}

int snowid_python_unsigned(PyObject *object, const char *what, uint64_t max, uint64_t *value)
{
	PyObject *const number = as_python_int(object, what);
	int failed = 1;

	if (!number)
		return -1;
	const unsigned long long found = PyLong_AsUnsignedLongLong(number);
	const int overflow = found == (unsigned long long)-1 && PyErr_Occurred();
	if (overflow || found > max) {
		PyErr_Clear();
		set_exception(call_python("snowid._errors", "out_of_range", "(sOiK)", what, number,
					  0, (unsigned long long)max));
	} else {
		*value = found;
		failed = 0;
	}
	Py_DECREF(number);
	return -failed;
}

int snowid_python_signed(PyObject *object, const char *what, int64_t *value)
{
	PyObject *const number = as_python_int(object, what);
	int overflow = 0;

	if (!number)
		return -1;
	*value = PyLong_AsLongLongAndOverflow(number, &overflow);
	if (overflow)
		set_exception(call_python("snowid._errors", "out_of_range", "(sOLL)", what, number,
					  (long long)INT64_MIN, (long long)INT64_MAX));
	Py_DECREF(number);
	return overflow ? -1 : 0;
}

int snowid_python_timeout(PyObject *object, uint64_t *ns)
{
	PyObject *const number = call_python("snowid._time", "timeout_ns", "(O)", object);
	const int error = number ? snowid_python_unsigned(number, "timeout", UINT64_MAX, ns) : -1;

	Py_XDECREF(number);
	return error;
}

const char *snowid_python_text(PyObject *object, const char *what, Py_ssize_t *size)
{
	Py_ssize_t length;
	const char *text;

	if (!PyUnicode_Check(object)) {
		PyErr_Format(PyExc_TypeError, "%s must be a str, not %.100s", what,
			     Py_TYPE(object)->tp_name);
		return NULL;
	}
	text = PyUnicode_AsUTF8AndSize(object, &length);
	if (text && size)
		*size = length;
	else if (text && strlen(text) != (size_t)length) {
		snowid_python_invalid("%s has a 0 in it", what);
		return NULL;
	}
	return text;
}

const char *snowid_python_text_or_bytes(PyObject *object, const char *what, Py_ssize_t *size)
{
	char *bytes;

	if (PyUnicode_Check(object))
		return PyUnicode_AsUTF8AndSize(object, size);
	if (PyBytes_Check(object))
		return PyBytes_AsStringAndSize(object, &bytes, size) == 0 ? bytes : NULL;
	PyErr_Format(PyExc_TypeError, "%s must be a str or bytes, not %.100s", what,
		     Py_TYPE(object)->tp_name);
	return NULL;
}

int snowid_python_bytes(PyObject *object, void *bytes, size_t size)
{
	Py_buffer view;
	int failed = 0;

	if (PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) != 0)
		return -1;
	if ((size_t)view.len == size)
		memcpy(bytes, view.buf, size);
	else {
		failed = 1;
		snowid_python_invalid("%zu bytes are needed, not %zd", size, view.len);
	}
	PyBuffer_Release(&view);
	return -failed;
}

PyObject *snowid_python_no_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	(void)args;
	(void)kwargs;
	return PyErr_Format(PyExc_TypeError, "%s cannot be made by hand", type->tp_name);
}
