# frozen_string_literal: true

# SPDX-License-Identifier: MIT

require_relative "snowid/error"
require "snowid/native"
require_relative "snowid/convert"
require_relative "snowid/period"
require_relative "snowid/time"
require_relative "snowid/id128"
require_relative "snowid/layout"
require_relative "snowid/mask"
require_relative "snowid/clock"
require_relative "snowid/generator"

# Distributed unique IDs: Snowflake layouts of any shape, ULID and UUID.
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
    # Makes a ULID of the present time, as ULID.new does.
    #
    # @return [ULID]
    def ulid
      ULID.new
    end

    # Makes a UUID of version 7, of the present time, as UUID.new does.
    #
    # @return [UUID]
    def uuid7
      UUID.new
    end

    # Makes a UUID of version 4: 122 random bits.
    #
    # @return [UUID]
    def uuid4
      UUID.from_bytes(Native.uuid4_random)
    end

    # Makes the UUID of version 3 of a name, by MD5. Prefer version 5.
    #
    # @param namespace [UUID, String, Symbol] as for uuid5
    #
    # @param name [String]
    #
    # @return [UUID]
    def uuid3(namespace, name)
      UUID.from_bytes(Native.uuid3_from_name(Convert.namespace(namespace), name))
    end

    # Makes the UUID of version 5 of a name, by SHA-1: always the same for the same bytes.
    #
    #   Snowid.uuid5(:dns, "www.example.com").to_s  # => "2ed6657d-e927-568b-95e1-2665a8aea6a2"
    #
    # @param namespace [UUID, String, Symbol] a UUID, or one of :dns, :url, :oid and :x500
    #
    # @param name [String]
    #
    # @return [UUID]
    def uuid5(namespace, name)
      UUID.from_bytes(Native.uuid5_from_name(Convert.namespace(namespace), name))
    end

    # Makes a UUID of version 8 of 16 bytes, of which version and variant replace 6 bits.
    #
    # @param bytes [String]
    #
    # @return [UUID]
    def uuid8(bytes)
      UUID.from_bytes(Native.uuid8_from_bytes(bytes))
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
