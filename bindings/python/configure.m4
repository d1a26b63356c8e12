# The Python binding needs an interpreter and its headers. PYTHON=/usr/bin/python3 chooses one of
# several.

# Finds the directory for packages below our prefix: one that the interpreter searches, if there is
# one (Debian has its own), else the one that Python uses everywhere.
AC_DEFUN([SNOWID_PYTHON_DIRECTORY], [
	AC_CACHE_VAL([am_cv_python_pyexecdir], [
		snowid_prefix=$prefix
		AS_IF([test "$snowid_prefix" = NONE], [snowid_prefix=$ac_default_prefix])
		am_cv_python_pyexecdir=$("$PYTHON" -I - "$snowid_prefix" <<'PYTHON'
import os, sys
prefix = os.path.join(sys.argv[[1]], "lib", "")
found = [[p for p in sys.path if p.startswith(prefix) and p.endswith(("-packages"))]]
version = "python%d.%d" % sys.version_info[[:2]]
print("${prefix}/lib/" + (found[[0]][[len(prefix):]] if found else version + "/site-packages"))
PYTHON
		)
	])
])

SNOWID_BINDING([python], [the headers of Python 3.9 or later], [
	AC_ARG_VAR([PYTHON], [the Python interpreter])
	AC_PATH_PROGS([PYTHON], [python3 python])
	AS_IF([test -z "$PYTHON"], [missing="no python3"],
		[test "$enable_tsan" = yes],
			[missing="ThreadSanitizer needs its own interpreter"],
		[! "$PYTHON" -c "import sys; sys.exit(sys.version_info < (3, 9))" 2>/dev/null],
			[missing="$PYTHON is not Python 3.9 or later"], [
		PYTHON_CPPFLAGS=-I$("$PYTHON" -c '
import sysconfig; print(sysconfig.get_path("include"))')
		snowid_saved_CPPFLAGS=$CPPFLAGS
		CPPFLAGS="$CPPFLAGS $PYTHON_CPPFLAGS"
		AC_CHECK_HEADER([Python.h], [], [missing="no Python.h for $PYTHON"])
		CPPFLAGS=$snowid_saved_CPPFLAGS
	])
	AS_IF([test -z "$missing"], [
		SNOWID_PYTHON_DIRECTORY
	])
])
AC_SUBST([PYTHON_CPPFLAGS])
AC_SUBST([pyexecdir], [$am_cv_python_pyexecdir])
