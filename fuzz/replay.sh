#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the fuzz targets on the inputs that fuzzing has found.
: "${top_srcdir:?make check sets it}" "${top_builddir:?}"
exec "$top_builddir/fuzz/replay_http" "$top_srcdir/fuzz/corpus/http"
