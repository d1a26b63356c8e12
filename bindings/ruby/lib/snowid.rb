# frozen_string_literal: true

# SPDX-License-Identifier: MIT

require_relative "snowid/error"
require "snowid/native"
require_relative "snowid/convert"
require_relative "snowid/time"
require_relative "snowid/id128"
require_relative "snowid/layout"
require_relative "snowid/clock"
require_relative "snowid/generator"

# Distributed unique IDs: Snowflake layouts of any shape, ULID, and UUID of versions 1, 6 and 7.
#
#   ids = Snowid::Generator.new("snowflake", worker: 5)
#   ids.next                    # => 884219173021470720
#   ids.first(3)
#   Snowid::Layout.new("twitter").decode(1541815603606036480)
#   Snowid::ULID.new.to_s       # => "01J2Y8…"
#
# It uses the C library libsnowid, whose guarantees are documented in libsnowid(3) and
# snowid-stores(7).
module Snowid
  # The version of the C library in use.
  VERSION = Native.version.freeze

  # The error codes, such as E_CLOCK. Error#code is one of them, or a negative errno.
  Native.constants.grep(/\AE_/).each { |name| const_set(name, Native.const_get(name)) }
  private_constant :Native

  # Names of the text forms of 64-bit IDs.
  FORMS = Native.constants.grep(/\AFORM_/).sort_by { |name| Native.const_get(name) }
                .map { |name| name.to_s.delete_prefix("FORM_").downcase.to_sym }.freeze

  class << self
    # Makes a UUID of version 7, as UUID.new does.
    #
    # @return [UUID]
    def uuid7
      UUID.new
    end

    # Makes a ULID, as ULID.new does.
    #
    # @return [ULID]
    def ulid
      ULID.new
    end

    # Formats a 64-bit ID as text, in one of FORMS.
    #
    #   Snowid.format_id(1541815603606036480, :base62)
    #
    # @param id [Integer, String] as for Layout#decode
    #
    # @param form [Symbol, String]
    #
    # @return [String]
    def format_id(id, form = :decimal)
      Native.id_format(Convert.id(id), Native.form_parse(form.to_s))
    end

    # Parses the text of a 64-bit ID. Each ID has exactly one text in each form.
    #
    # @param text [String]
    #
    # @param form [Symbol, String]
    #
    # @return [Integer]
    def parse_id(text, form = :decimal)
      Native.id_parse(text, Native.form_parse(form.to_s))
    end
  end
end
