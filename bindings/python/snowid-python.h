/* SPDX-License-Identifier: MIT
 *
 * Declarations shared by SWIG's wrappers and the files that are written by hand.
 */
#ifndef SNOWID_PYTHON_H
#define SNOWID_PYTHON_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

/* PyArg_ParseTupleAndKeywords() takes a char ** but does not change the names. */
#define KEYWORDS(names) ((char **)(uintptr_t)(names))

/* On failure these functions set an exception and return -1 or NULL. */

/* Raises the exception for a negative error code of the library, with the detail of this thread's
 * last error. wait_ns is the time after which to try again, 0 if it is not known. */
void snowid_python_raise(int error, uint64_t wait_ns);

/* Raises InvalidError. */
void snowid_python_invalid(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Reads an integer from 0 to max. `what` names it in error messages. */
int snowid_python_unsigned(PyObject *object, const char *what, uint64_t max, uint64_t *value);

/* Reads a signed integer of 64 bits. */
int snowid_python_signed(PyObject *object, const char *what, int64_t *value);

/* Converts a span, as _time.py has them, to nanoseconds. */
int snowid_python_timeout(PyObject *object, uint64_t *ns);

/* Returns the UTF-8 of a str, which lives as long as the str. If `size` is NULL, a str that
 * contains a 0 is refused. */
const char *snowid_python_text(PyObject *object, const char *what, Py_ssize_t *size);

/* The same for a str or bytes, with any content. */
const char *snowid_python_text_or_bytes(PyObject *object, const char *what, Py_ssize_t *size);

/* Copies the bytes of any object with a buffer of exactly `size` bytes. */
int snowid_python_bytes(PyObject *object, void *bytes, size_t size);

/* The tp_new of types whose objects only this module can make. */
PyObject *snowid_python_no_new(PyTypeObject *type, PyObject *args, PyObject *kwargs);

#endif
