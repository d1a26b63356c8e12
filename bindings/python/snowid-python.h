/* SPDX-License-Identifier: MIT
 *
 * What the parts of the extension module share: SWIG's wrappers, and what is written by hand.
 */
#ifndef SNOWID_PYTHON_H
#define SNOWID_PYTHON_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

/* PyArg_ParseTupleAndKeywords() does not write to the names, whatever it says. */
#define KEYWORDS(names) ((char **)(uintptr_t)(names))

/* Each of these leaves an exception set when it fails: -1, or NULL. */

/* Raises what a negative error of the library stands for, with the detail of this thread's last one.
 * wait_ns is how long after it is worth trying again, 0 if that is not known. */
void snowid_python_raise(int error, uint64_t wait_ns);

/* Raises InvalidError. */
void snowid_python_invalid(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* An exact integer from 0 to max; what names it in the message. */
int snowid_python_unsigned(PyObject *object, const char *what, uint64_t max, uint64_t *value);

/* An exact integer of 64 bits. */
int snowid_python_signed(PyObject *object, const char *what, int64_t *value);

/* The nanoseconds of a number of seconds or a timedelta. */
int snowid_python_timeout(PyObject *object, uint64_t *ns);

/* The UTF-8 of a str; it lives as long as the str. Without `size`, one that has a 0 in it is refused. */
const char *snowid_python_text(PyObject *object, const char *what, Py_ssize_t *size);

/* Exactly `size` bytes out of anything that has a buffer. */
int snowid_python_bytes(PyObject *object, void *bytes, size_t size);

/* tp_new of a type that only this module makes objects of. */
PyObject *snowid_python_no_new(PyTypeObject *type, PyObject *args, PyObject *kwargs);

#endif
