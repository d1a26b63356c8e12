# The Ruby binding: an interpreter and its headers. RUBY=/usr/bin/ruby chooses among several.

# Sets rubylibdir and rubyarchdir, where Ruby and compiled code go below our prefix: the places that this
# interpreter looks at, if they are below it, else where its own would be.
AC_DEFUN([SNOWID_RUBY_DIRECTORIES], [
	snowid_prefix=$prefix
	AS_IF([test "$snowid_prefix" = NONE], [snowid_prefix=$ac_default_prefix])
	snowid_directories=$("$RUBY" -rrbconfig - "$snowid_prefix" <<'RUBY'
prefix = ARGV.first.chomp("/") + "/"
config = RbConfig::CONFIG
%w[[dir archdir]].each do |kind|
  found = %w[[vendor site]].map { |place| config[[place + kind]] }.find { |path| path.start_with?(prefix) }
  rest = found ? found.delete_prefix(prefix) : config[["vendor" + kind]].delete_prefix(config[["prefix"]] + "/")
  puts "${prefix}/#{rest}"
end
RUBY
	)
	rubylibdir=$(echo "$snowid_directories" | sed -n 1p)
	rubyarchdir=$(echo "$snowid_directories" | sed -n 2p)
])

SNOWID_BINDING([ruby], [the headers of Ruby 2.7 or later], [
	AC_ARG_VAR([RUBY], [the Ruby interpreter])
	AC_PATH_PROG([RUBY], [ruby])
	AS_IF([test -z "$RUBY"], [missing="no ruby"],
		[! "$RUBY" -e 'exit RUBY_VERSION >= "2.7"'], [missing="$RUBY is older than 2.7"], [
		RUBY_CPPFLAGS=$("$RUBY" -rrbconfig -e 'puts %w(rubyhdrdir rubyarchhdrdir).map { |key| "-isystem #{RbConfig::CONFIG.fetch(key)}" }.join(" ")')
		RUBY_LIBS=$("$RUBY" -rrbconfig -e 'puts RbConfig::CONFIG.values_at("LIBRUBYARG_SHARED").join.split.grep(/\A-l/).join(" ")')
		snowid_saved_CPPFLAGS=$CPPFLAGS
		CPPFLAGS="$CPPFLAGS $RUBY_CPPFLAGS"
		AC_CHECK_HEADER([ruby.h], [], [missing="no ruby.h for $RUBY"])
		CPPFLAGS=$snowid_saved_CPPFLAGS
	])
	AS_IF([test -z "$missing"], [SNOWID_RUBY_DIRECTORIES])
])
# An exception leaves the frames of C that it passes without a word to AddressSanitizer, which then takes
# what others put in their place for a stray write: only the heap is watched.
RUBY_CFLAGS=
AS_IF([test "$enable_asan" = yes], [
	for flag in "--param=asan-stack=0" "-mllvm -asan-stack=0"; do
		snowid_saved_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS -Werror $SANITIZER_CFLAGS $flag"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM()], [RUBY_CFLAGS=$flag])
		CFLAGS=$snowid_saved_CFLAGS
	done
])
AC_SUBST([RUBY_CFLAGS])
AC_SUBST([RUBY_CPPFLAGS])
AC_SUBST([RUBY_LIBS])
AC_SUBST([rubylibdir])
AC_SUBST([rubyarchdir])
