# frozen_string_literal: true

# SPDX-License-Identifier: MIT
#
# Compiles the gem against an installed libsnowid, found by pkg-config or by
# gem install snowid -- --with-snowid-dir=/opt/snowid

require "mkmf"

dir_config("snowid")
pkg_config("snowid")
abort "libsnowid is missing: install it first, or say where it is with --with-snowid-dir" unless
  have_header("snowid.h") && have_library("snowid", "snowid_version", "snowid.h")

$CFLAGS << " -fvisibility=hidden" # rubocop:disable Style/GlobalVars
create_makefile("snowid/native")
