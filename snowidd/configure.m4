# The daemon. llhttp comes as a library or, on Debian 12 (package node-llhttp), as source.

AC_ARG_WITH([snowidd], [AS_HELP_STRING([--with-snowidd],
	[build the daemon (needs libuv, llhttp, nghttp2, protobuf-c, OpenSSL, jansson and libyaml) @<:@if it can be built@:>@])])
AC_ARG_WITH([llhttp-source], [AS_HELP_STRING([--with-llhttp-source=DIR],
	[where llhttp's C sources are, if there is no libllhttp @<:@/usr/share/llhttp@:>@])],
	[], [with_llhttp_source=/usr/share/llhttp])
AC_CHECK_FUNCS([malloc_trim])
AC_ARG_WITH([systemd-unit-dir], [AS_HELP_STRING([--with-systemd-unit-dir=DIR],
	[install systemd units here @<:@PREFIX/lib/systemd/system@:>@])],
	[], [with_systemd_unit_dir='${prefix}/lib/systemd/system'])
AC_SUBST([SYSTEMD_UNIT_DIR], [$with_systemd_unit_dir])

missing=
llhttp_is_source=no
AS_IF([test "$with_snowidd" = no], [missing="not asked for"], [
	PKG_CHECK_MODULES([SNOWIDD], [libuv >= 1.40 openssl >= 3.0 jansson >= 2.8 yaml-0.1 dnl
libnghttp2 >= 1.52 libprotobuf-c >= 1.4 zlib], [],
		[missing="no libuv, OpenSSL, jansson, libyaml, nghttp2, protobuf-c or zlib"])
	# It came with the limit on CONTINUATION frames (CVE-2024-28182), the last of those that
	# snowidd counts on: with 1.61, and with what distributions have mended.
	saved_libs=$LIBS
	LIBS="$SNOWIDD_LIBS $LIBS"
	AS_IF([test -z "$missing"], [AC_CHECK_FUNC([nghttp2_option_set_max_continuations],
		[], [missing="no nghttp2 with limits on floods"])])
	LIBS=$saved_libs
	AC_ARG_VAR([PROTOC_C], [the compiler of protobuf-c])
	AC_PATH_PROG([PROTOC_C], [protoc-c])
	AS_IF([test -z "$PROTOC_C"], [missing="no protoc-c"])
	PKG_CHECK_MODULES([LLHTTP], [libllhttp], [], [
		AS_IF([test -f "$with_llhttp_source/llhttp.c"], [
			llhttp_is_source=yes
			LLHTTP_CFLAGS="-isystem $with_llhttp_source -isystem /usr/share/include/llhttp -DLLHTTP_STRICT_MODE=1"
		], [missing="no llhttp"])
	])
])
AS_IF([test "$with_snowidd" = yes && test -n "$missing"],
	[AC_MSG_ERROR([snowidd cannot be built: $missing])])
AS_IF([test -n "$missing"], [build_snowidd="no ($missing)"], [build_snowidd=yes])
AM_CONDITIONAL([WITH_SNOWIDD], [test "$build_snowidd" = yes])
AM_CONDITIONAL([LLHTTP_SOURCE], [test "$llhttp_is_source" = yes])
