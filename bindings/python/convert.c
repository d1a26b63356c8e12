/* SPDX-License-Identifier: MIT
 *
 * Python objects into C values, and errors into exceptions.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "bindings/python/snowid-python.h"
#include "snowid.h"

/* Raises what a function of snowid/_errors.py makes of the arguments. */
static void raise_made(const char *maker, const char *format, ...)
{
	PyObject *const module = PyImport_ImportModule("snowid._errors");
	PyObject *function = NULL, *arguments = NULL, *exception = NULL;
	va_list list;

	va_start(list, format);
	if (module)
		function = PyObject_GetAttrString(module, maker);
	if (function)
		arguments = Py_VaBuildValue(format, list);
	va_end(list);
	if (arguments)
		exception = PyObject_CallObject(function, arguments);
	if (exception)
		PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
	Py_XDECREF(exception);
	Py_XDECREF(arguments);
	Py_XDECREF(function);
	Py_XDECREF(module);
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
	raise_made("make", "(isK)", error, detail, (unsigned long long)wait_ns);
}

void snowid_python_invalid(const char *format, ...)
{
	char text[200];
	va_list list;

	va_start(list, format);
	PyOS_vsnprintf(text, sizeof text, format, list);
	va_end(list);
	raise_made("invalid", "(s)", text);
}

int snowid_python_unsigned(PyObject *object, const char *what, uint64_t max, uint64_t *value)
{
	PyObject *const number = PyNumber_Index(object);
	unsigned long long found;
	int failed = 1;

	if (!number) {
		if (PyErr_ExceptionMatches(PyExc_TypeError))
			PyErr_Format(PyExc_TypeError, "%s must be an int, not %.100s", what,
				     Py_TYPE(object)->tp_name);
		return -1;
	}
	found = PyLong_AsUnsignedLongLong(number);
	if (found == (unsigned long long)-1 && PyErr_Occurred()) {
		PyErr_Clear();
		raise_made("out_of_range", "(sOK)", what, number, (unsigned long long)max);
	} else if (found > max) {
		raise_made("out_of_range", "(sOK)", what, number, (unsigned long long)max);
	} else {
		*value = found;
		failed = 0;
	}
	Py_DECREF(number);
	return -failed;
}

const char *snowid_python_text(PyObject *object, Py_ssize_t *size)
{
	Py_ssize_t length;
	const char *text;

	if (!PyUnicode_Check(object)) {
		PyErr_Format(PyExc_TypeError, "a str is needed, not %.100s",
			     Py_TYPE(object)->tp_name);
		return NULL;
	}
	text = PyUnicode_AsUTF8AndSize(object, &length);
	if (text && size)
		*size = length;
	else if (text && strlen(text) != (size_t)length) {
		snowid_python_invalid("there is a 0 in this text");
		return NULL;
	}
	return text;
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
