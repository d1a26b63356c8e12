/* SPDX-License-Identifier: MIT
 *
 * Python objects for values of 16 bytes, and the types that SWIG does not make.
 */
#ifndef SNOWID_PYTHON_VALUES_H
#define SNOWID_PYTHON_VALUES_H

#include "bindings/python/snowid-python.h"
#include "snowid.h"

/* Makes a Python object of a 128-bit ID. */
typedef PyObject *snowid_python_new_fn(PyObject *maker, const struct snowid_id128 *id);

/* Returns the function that belongs to a maker: a class derived from ULID, or an object of the type
 * Uuids. NULL with a TypeError for anything else. */
snowid_python_new_fn *snowid_python_new_of(PyObject *maker);

/* Returns the generator of a SWIG handle; NULL with a TypeError for anything else. */
struct snowid_generator *snowid_python_generator(PyObject *handle);

/* Opens a generator without the interpreter's lock, and for at most *timeout_ns unless that is
 * NULL. Signals are handled meanwhile: if a handler raises an exception, an error comes with it. */
int snowid_python_open(const struct snowid_config *config, const uint64_t *timeout_ns,
		       struct snowid_generator **generator);

/* Adds the types that SWIG does not make to the module. */
int snowid_python_add_types(PyObject *module);

extern PyTypeObject snowid_python_source_type;

#endif
