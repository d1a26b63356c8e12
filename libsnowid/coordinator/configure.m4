# Modules for services that keep workers for all hosts, which the library loads when a URL names
# one: each is built when what it needs is there, and refused or required on demand.

# SNOWID_MODULE(NAME, WHAT IT NEEDS, TEST THAT SETS missing TO WHAT IS NOT THERE)
AC_DEFUN([SNOWID_MODULE], [
	AC_ARG_WITH([$1], [AS_HELP_STRING([--with-$1], [build the module for stores in $1 (needs $2) @<:@if it can be built@:>@])])
	missing=
	AS_IF([test "$with_$1" = no], [missing="not asked for"],
		[test "$enable_shared" = no], [missing="no shared libraries"], [$3])
	AS_IF([test "$with_$1" = yes && test -n "$missing"],
		[AC_MSG_ERROR([the module for $1 cannot be built: $missing])])
	AS_IF([test -n "$missing"], [build_$1="no ($missing)"], [build_$1=yes])
	AM_CONDITIONAL([WITH_]m4_toupper([$1]), [test "$build_$1" = yes])
])

# CURLOPT_QUICK_EXIT came with 7.87: without it, the thread that renews all leases of a process would
# wait for a resolver that is silent.
PKG_CHECK_MODULES([HTTP_MODULE], [libcurl >= 7.87 jansson >= 2.12], [have_http_module=yes],
	[have_http_module=no])
m4_define([SNOWID_HTTP_MODULE], [
	SNOWID_MODULE([$1], [libcurl 7.87 and jansson 2.12], [
		AS_IF([test "$have_http_module" = no], [missing="no libcurl 7.87 or jansson 2.12"])
	])
])
SNOWID_HTTP_MODULE([etcd])
SNOWID_HTTP_MODULE([consul])

# The client without threads; it comes with no file for pkg-config.
have_zookeeper=no
AC_CHECK_HEADER([zookeeper/zookeeper.h],
	[AC_CHECK_LIB([zookeeper_st], [zookeeper_init2], [have_zookeeper=yes])])
AC_SUBST([ZOOKEEPER_LIBS], [-lzookeeper_st])
SNOWID_MODULE([zookeeper], [libzookeeper_st 3.6 and jansson], [
	AS_IF([test "$have_zookeeper$have_jansson" != yesyes],
		[missing="no libzookeeper_st 3.6 or jansson"])
])
