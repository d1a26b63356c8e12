/* SPDX-License-Identifier: MIT
 *
 * Values of 16 bytes as objects of Python, and the types that SWIG does not make.
 */
#ifndef SNOWID_PYTHON_VALUES_H
#define SNOWID_PYTHON_VALUES_H

#include "bindings/python/snowid-python.h"
#include "snowid.h"

/* Makes an object of 16 bytes. */
typedef PyObject *snowid_python_new_fn(PyObject *maker, const struct snowid_id128 *id);

/* The function for a maker: a class derived from ULID, or an object of the type Uuids. NULL with a
 * TypeError if it is neither. */
snowid_python_new_fn *snowid_python_new_of(PyObject *maker);

/* The generator of a handle of SWIG's; NULL with a TypeError if it is none. */
struct snowid_generator *snowid_python_generator(PyObject *handle);

/* Adds the types that are written by hand to the module. */
int snowid_python_add_types(PyObject *module);

extern PyTypeObject snowid_python_source_type;

#endif
