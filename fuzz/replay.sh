#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the fuzz targets on the inputs that fuzzing has found. Those of the daemon and of modules are
# there if these are built.
: "${top_srcdir:?make check sets it}" "${top_builddir:?}"
status=0
for target in consul etcd grpc http image instant layout proxy settings text; do
	replay=$top_builddir/fuzz/replay_$target
	if [ -x "$replay" ]; then
		"$replay" "$top_srcdir/fuzz/corpus/$target" || status=1
	fi
done
exit $status
