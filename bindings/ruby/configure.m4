# The Ruby binding needs an interpreter and its headers. RUBY=/usr/bin/ruby chooses one of several.

# Sets rubylibdir and rubyarchdir, the directories for Ruby files and compiled modules below our
# prefix: those that the interpreter searches, if they are below it, else the same paths as in its
# own prefix.
AC_DEFUN([SNOWID_RUBY_DIRECTORIES], [
	snowid_prefix=$prefix
	AS_IF([test "$snowid_prefix" = NONE], [snowid_prefix=$ac_default_prefix])
	snowid_directories=$("$RUBY" -rrbconfig - "$snowid_prefix" <<'RUBY'
prefix = ARGV.first.chomp("/") + "/"
config = RbConfig::CONFIG
%w[[dir archdir]].each do |kind|
  searched = %w[[vendor site]].map { |place| config[[place + kind]] }
  found = searched.find { |path| path.start_with?(prefix) }
  rest = found ? found.delete_prefix(prefix) : searched[[0]].delete_prefix(config[["prefix"]] + "/")
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
		RUBY_CPPFLAGS=$("$RUBY" -rrbconfig -e '%w(rubyhdrdir rubyarchhdrdir).each do |key|
			print "-isystem #{RbConfig::CONFIG.fetch(key)} "
		end')
		RUBY_LIBS=$("$RUBY" -rrbconfig -e '
			flags = RbConfig::CONFIG[["LIBRUBYARG_SHARED"]].to_s.split
			puts flags.grep(/\A-l/).join(" ")')
		snowid_saved_CPPFLAGS=$CPPFLAGS
		CPPFLAGS="$CPPFLAGS $RUBY_CPPFLAGS"
		AC_CHECK_HEADER([ruby.h], [], [missing="no ruby.h for $RUBY"])
		CPPFLAGS=$snowid_saved_CPPFLAGS
	])
	AS_IF([test -z "$missing"], [SNOWID_RUBY_DIRECTORIES])
])
# Ruby's exceptions unwind C frames with longjmp() unknown to AddressSanitizer, which then reports
# valid writes to the stack. So it only checks the heap.
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
