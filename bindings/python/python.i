/* SPDX-License-Identifier: MIT
 *
 * Typemaps of snowid.i for Python. Users import the package around this module.
 */
%include "stdint.i"

%header %{
#include "bindings/python/values.h"
%}
%init %{
	if (snowid_python_add_types(m) != 0)
		return NULL;
%}

/* ---- errors ---------------------------------------------------------------------------------- */

%typemap(out) snowid_rc {
	if ($1 < 0) {
		if (!PyErr_Occurred()) /* as by a signal handler while a generator was opened */
			snowid_python_raise($1, 0);
		SWIG_fail;
	}
	$result = SWIG_Py_Void();
}

/* ---- numbers --------------------------------------------------------------------------------- */

%define %snowid_unsigned(TYPE, MAX)
%typemap(in) TYPE (uint64_t number) {
	if (snowid_python_unsigned($input, "$1_name", MAX, &number) != 0)
		SWIG_fail;
	$1 = ($1_ltype)number;
}
%enddef
%snowid_unsigned(uint64_t, UINT64_MAX)
%snowid_unsigned(uint32_t, UINT32_MAX)
%snowid_unsigned(unsigned, UINT_MAX)
%snowid_unsigned(size_t, SIZE_MAX)
%snowid_unsigned(enum SWIGTYPE, INT_MAX)

%typemap(in) int64_t {
	if (snowid_python_signed($input, "$1_name", &$1) != 0)
		SWIG_fail;
}

%define %snowid_out(TYPE, OUT_TYPE, FROM)
%typemap(in, numinputs=0) TYPE *OUT (OUT_TYPE number) "$1 = &number;"
%typemap(argout) TYPE *OUT { $result = SWIG_Python_AppendOutput($result, FROM(*$1)); }
%enddef
%snowid_out(uint64_t, uint64_t, PyLong_FromUnsignedLongLong)
%snowid_out(int64_t, int64_t, PyLong_FromLongLong)
%snowid_out(uint32_t, uint32_t, PyLong_FromUnsignedLong)
%snowid_out(unsigned, unsigned, PyLong_FromUnsignedLong)
%snowid_out(enum SWIGTYPE, $1_basetype, PyLong_FromLong)

%typemap(in) uint64_t *INOUT (uint64_t number) {
	if (snowid_python_unsigned($input, "id", UINT64_MAX, &number) != 0)
		SWIG_fail;
	$1 = &number;
}
%typemap(argout) uint64_t *INOUT = uint64_t *OUT;

/* ---- text ------------------------------------------------------------------------------------ */

%typemap(in) const char *TEXT {
	$1 = (char *)snowid_python_text($input, "$1_name", NULL);
	if (!$1)
		SWIG_fail;
}
%typemap(in) (const char *text, size_t length) (Py_ssize_t size) {
	$1 = (char *)snowid_python_text($input, "text", &size);
	if (!$1)
		SWIG_fail;
	$2 = (size_t)size;
}
%typemap(in) (const char *BYTES, size_t length) (Py_ssize_t size) {
	$1 = (char *)snowid_python_text_or_bytes($input, "name", &size);
	if (!$1)
		SWIG_fail;
	$2 = (size_t)size;
}
%typemap(in, numinputs=0) const char **OUT (char *text) "$1 = &text;"
%typemap(argout) const char **OUT {
	$result = SWIG_Python_AppendOutput($result, PyUnicode_FromString(*$1));
}
%typemap(in, numinputs=0) char text[ANY] (char text[$1_dim0]) "$1 = text;"
%typemap(argout) char text[ANY] {
	$result = SWIG_Python_AppendOutput($result, PyUnicode_FromString($1));
}
/* Longer than any setting or spec. */
%typemap(in, numinputs=0)
(char *text, size_t size, size_t *length) (char text[4200], size_t length) {
	$1 = text;
	$2 = sizeof text;
	$3 = &length;
}
%typemap(argout) (char *text, size_t size, size_t *length) {
	$result = SWIG_Python_AppendOutput($result, PyUnicode_FromString($1));
}

/* ---- ULID and UUID: bytes -------------------------------------------------------------------- */

%typemap(in) const struct snowid_id128 *IN (struct snowid_id128 id) {
	if (snowid_python_bytes($input, id.bytes, sizeof id.bytes) != 0)
		SWIG_fail;
	$1 = &id;
}
%typemap(in, numinputs=0) struct snowid_id128 *OUT (struct snowid_id128 id) "$1 = &id;"
%typemap(argout) struct snowid_id128 *OUT {
	$result = SWIG_Python_AppendOutput($result,
		PyBytes_FromStringAndSize((const char *)$1->bytes, sizeof $1->bytes));
}
%typemap(in) struct snowid_id128 *INOUT = const struct snowid_id128 *IN;
%typemap(argout) struct snowid_id128 *INOUT = struct snowid_id128 *OUT;
%typemap(in) const uint8_t IN[ANY] (uint8_t bytes[$1_dim0]) {
	if (snowid_python_bytes($input, bytes, sizeof bytes) != 0)
		SWIG_fail;
	$1 = bytes;
}
%define %snowid_bytes(NAME)
%typemap(in, numinputs=0) uint8_t NAME[ANY] (uint8_t bytes[$1_dim0]) "$1 = bytes;"
%typemap(argout) uint8_t NAME[ANY] {
	$result = SWIG_Python_AppendOutput($result,
		PyBytes_FromStringAndSize((const char *)$1, $1_dim0));
}
%enddef
%snowid_bytes(node)
%snowid_bytes(key)

/* ---- handles --------------------------------------------------------------------------------- */

/* SWIG's types can be constructed without a handle, and then crash. */
%define %snowid_handle(OBJECT)
%feature("python:tp_new") snowid_##OBJECT "snowid_python_no_new";
%typemap(check) struct snowid_##OBJECT *, const struct snowid_##OBJECT * {
	if (!$1) {
		PyErr_SetString(PyExc_TypeError, "a " #OBJECT " is needed, not None");
		SWIG_fail;
	}
}
%typemap(in, numinputs=0) struct snowid_##OBJECT **OUT (struct snowid_##OBJECT *made) "$1 = &made;"
%typemap(argout) struct snowid_##OBJECT **OUT {
	$result = SWIG_Python_AppendOutput($result,
		SWIG_NewPointerObj(*$1, SWIGTYPE_p_snowid_##OBJECT, SWIG_POINTER_OWN));
}
%enddef
%typemap(check) const struct snowid_layout *OPTIONAL ""

%wrapper %{
struct snowid_generator *snowid_python_generator(PyObject *handle)
{
	void *generator = NULL;

	const int result = SWIG_ConvertPtr(handle, &generator, SWIGTYPE_p_snowid_generator, 0);
	if (!SWIG_IsOK(result) || !generator) {
		PyErr_SetString(PyExc_TypeError, "not a handle of a generator");
		return NULL;
	}
	return (struct snowid_generator *)generator;
}
%}

/* ---- calls that may wait for a store release the interpreter --------------------------------- */

%feature("action") snowid_generator_new "result = snowid_python_open(arg1, NULL, arg2);"
%feature("action") snowid_generator_new_for "result = snowid_python_open(arg1, &arg2, arg3);"

%define %snowid_allow_threads(FUNCTION)
%exception FUNCTION {
	Py_BEGIN_ALLOW_THREADS
	$action
	Py_END_ALLOW_THREADS
}
%enddef
%snowid_allow_threads(snowid_generator::close)
%snowid_allow_threads(snowid_generator::maintain)
