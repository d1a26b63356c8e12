# frozen_string_literal: true

# SPDX-License-Identifier: MIT

module Snowid
  # A secret permutation of 64-bit numbers, or of those of a layout's bits, so that a public ID
  # tells neither the time nor the rate at which IDs are made: FF1 of NIST SP 800-38G. Masked
  # numbers do not sort by time, and are not authenticated. Without the key they cannot be reverted.
  # snowid_mask_new(3) says what this protects from, and what not.
  #
  #   mask = Snowid::Mask.new(ENV.fetch("ID_KEY"), "snowflake") # openssl rand -hex 16
  #   text = mask.format(id)                                    # for a URL
  #   id = mask.parse(text)
  class Mask
    # @param key [String] 16 bytes, or 32 hexadecimal digits
    #
    # @param layout [Layout, String, Symbol, nil] a layout or its spec, whose bits are permuted;
    #   nil: all 64
    def initialize(key, layout = nil)
      unless key.is_a?(String)
        raise TypeError, "a key of 16 bytes or 32 digits is needed, not #{key.class}"
      end

      key = Native.mask_key_parse(key) unless key.bytesize == 16
      layout = Layout.new(layout) unless layout.nil? || layout.is_a?(Layout)
      adopt(Native.mask_new(key, layout))
      freeze
    end

    # The masked number of an ID.
    #
    # @param id [Integer, String] as for Layout#decode
    #
    # @return [Integer]
    def apply(id)
      super(Convert.id(id))
    end

    # The ID of a masked number.
    #
    # @param masked [Integer, String]
    #
    # @return [Integer]
    def revert(masked)
      super(Convert.id(masked))
    end

    # The masked number of an ID as text, in base 58.
    #
    # @param id [Integer, String] as for Layout#decode
    #
    # @return [String]
    def format(id)
      super(Convert.id(id))
    end

    # The ID of a text that format returned.
    #
    # @param text [String]
    #
    # @return [Integer]
    def parse(text) # rubocop:disable Lint/UselessMethodDefinition
      super
    end

    # Does not show the key.
    def inspect
      "#<#{self.class}>"
    end

    private

    def initialize_copy(_other)
      raise TypeError, "can't copy a #{self.class}"
    end
  end
end
