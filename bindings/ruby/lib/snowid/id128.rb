# frozen_string_literal: true

# SPDX-License-Identifier: MIT

module Snowid
  # The base class of ULID and UUID: 16 immutable bytes, ordered byte by byte. A ULID and a UUID
  # with the same bytes are not equal.
  class ID128
    include Comparable

    class << self
      # The ID with these 16 bytes.
      #
      # @param bytes [String]
      def from_bytes(bytes)
        unless bytes.is_a?(String)
          raise TypeError, "a String of 16 bytes is needed, not #{bytes.class}"
        end
        if bytes.bytesize != 16
          raise Errors.make(Native::E_RANGE, "#{bytes.bytesize} bytes, where 16 are needed")
        end

        allocate.tap { |id| id.__send__(:store_bytes, bytes.b) }
      end

      # The ID with the value of a 128-bit Integer.
      def from_i(number)
        from_bytes(Convert.bytes(number, 128))
      end

      # Parses the text of an ID.
      #
      # @param text [String]
      def parse(text)
        from_bytes(parse_bytes(text))
      end

      # The IDs of a period, as with Layout#range.
      #
      # @return [Range] empty if there are none
      def range(from, before = Period::WHOLE, **version)
        period = Period.new(from, before)
        ends = range_bytes(*period.ends, **version).map { |bytes| from_bytes(bytes) }
        period.ids(*ends) { |instant| last_at(instant, **version) }
      end
    end

    # @return [String] 16 bytes, the most significant first
    attr_reader :bytes

    # @return [Integer] the bytes as a 128-bit number
    def to_i
      high, low = bytes.unpack("Q>2")
      (high << 64) | low
    end

    # Compares the bytes; nil if +other+ is of another class.
    def <=>(other)
      bytes <=> other.bytes if other.instance_of?(self.class)
    end

    # Whether +other+ has the same class and bytes.
    def ==(other)
      other.instance_of?(self.class) && bytes == other.bytes
    end
    alias eql? ==

    # A hash of the bytes, so that IDs can be keys of a Hash.
    def hash
      bytes.hash
    end

    # The same bytes as a ULID.
    #
    # @return [ULID]
    def to_ulid
      ULID.from_bytes(bytes)
    end

    # The same bytes as a UUID.
    #
    # @return [UUID]
    def to_uuid
      UUID.from_bytes(bytes)
    end

    # The text as a JSON string.
    def to_json(*arguments)
      to_s.to_json(*arguments)
    end

    # The text, which ActiveSupport converts to JSON.
    def as_json(*)
      to_s
    end

    # For example <tt>#<Snowid::ULID 01ARZ3NDEKTSV4RRFFQ69G5FAV></tt>.
    def inspect
      "#<#{self.class} #{self}>"
    end

    # For Marshal.
    # @api private
    def marshal_dump # :nodoc:
      bytes
    end

    # For Marshal.
    # @api private
    def marshal_load(bytes) # :nodoc:
      store_bytes(bytes)
    end

    private

    def store_bytes(bytes)
      @bytes = bytes.frozen? ? bytes : bytes.dup.freeze
      freeze
    end
  end

  # A ULID (github.com/ulid/spec): 48 bits of milliseconds, 80 random bits.
  #
  #   ULID = Snowid::ULID
  #   ULID.new.to_s                            # => "01J2Y8…"
  #   ULID.parse("01ARZ3NDEKTSV4RRFFQ69G5FAV").time
  #
  # ULID.new needs no generator. Its ULIDs are unordered within a millisecond; those of
  # Generator.new("ulid") are ordered.
  class ULID < ID128
    class << self
      # The smallest ULID of the millisecond that contains an instant.
      def first_at(instant)
        from_bytes(Native.ulid_first_at(*Convert.instant(instant)))
      end

      # The largest ULID of the millisecond that contains an instant.
      def last_at(instant)
        from_bytes(Native.ulid_last_at(*Convert.instant(instant)))
      end

      private

      def parse_bytes(text)
        Native.ulid_parse(text)
      end

      def range_bytes(*ends)
        Native.ulid_range(*ends)
      end
    end

    # The first ULID: all bits are 0.
    NIL = from_i(0)
    # The last ULID: all bits are 1.
    MAX = from_i((1 << 128) - 1)

    # Makes a new ULID with random bits.
    def initialize
      super
      store_bytes(Native.ulid_random)
    end

    # @return [String] 26 characters
    def to_s
      Native.ulid_format(bytes)
    end

    # Milliseconds since 1970.
    #
    # @return [Integer]
    def unix_ms
      Native.ulid_time_ms(bytes)
    end

    # @return [Time]
    def time
      Convert.time(*unix_ms.divmod(1000).then { |sec, ms| [sec, ms * 1_000_000] })
    end

    # The next ULID of the same millisecond, as the specification defines it.
    #
    # @return [ULID]
    def increment
      self.class.from_bytes(Native.ulid_increment(bytes))
    end
  end

  # A UUID (RFC 9562). Those of versions 1, 6 and 7 contain a time.
  #
  #   Snowid::UUID.new.to_s                    # version 7
  #   Snowid::UUID.parse("017f22e2-79b0-7cc3-98c4-dc0c0c07398f").time
  class UUID < ID128
    class << self
      # The smallest UUID of a version (1, 6 or 7) and an instant: all other bits are 0.
      def first_at(instant, version: 7)
        from_bytes(Native.uuid_first_at(version, *Convert.instant(instant)))
      end

      # The largest UUID of a version (1, 6 or 7) and an instant: all other bits are 1.
      def last_at(instant, version: 7)
        from_bytes(Native.uuid_last_at(version, *Convert.instant(instant)))
      end

      # The UUIDs of a version (6 or 7) of a period, as with Layout#range.
      #
      # @return [Range] empty if there are none
      def range(from, before = Period::WHOLE, version: 7)
        if [1, 6, 7].include?(from) # a version as in the other languages, not seconds after 1970
          raise Errors.make(Native::E_INVALID, "the version is a keyword: version: #{from}")
        end

        super
      end

      private

      def parse_bytes(text)
        Native.uuid_parse(text)
      end

      def range_bytes(*ends, version:)
        Native.uuid_range(version, *ends)
      end
    end

    # The first UUID: all bits are 0 (RFC 9562, section 5.9).
    NIL = from_i(0)
    # The last UUID: all bits are 1 (section 5.10).
    MAX = from_i((1 << 128) - 1)
    VARIANTS = %i[ncs rfc9562 microsoft future].freeze
    private_constant :VARIANTS

    # Makes a new UUID of version 7 with random bits.
    def initialize
      super
      store_bytes(Native.uuid7_random)
    end

    # @return [String] 36 characters
    def to_s
      Native.uuid_format(bytes)
    end

    # @return [Integer] 0 to 15; only meaningful if the variant is :rfc9562
    def version
      Native.uuid_version(bytes)
    end

    # Version and variant in one word: "uuid1" to "uuid8", "nil", "max", "ncs", "microsoft",
    # "future", or "uuid" if RFC 9562 does not define the version.
    #
    # @return [String]
    def kind
      Native.uuid_kind(bytes)
    end

    # @return [Symbol] :ncs, :rfc9562, :microsoft or :future
    def variant
      VARIANTS[Native.uuid_variant(bytes)]
    end

    # The time of a UUID of version 1, 6 or 7.
    #
    # @return [Time, nil] nil if it does not contain a time
    def time
      Convert.time(*Native.uuid_time(bytes)) if [1, 6, 7].include?(version) && variant == :rfc9562
    end

    # Milliseconds since 1970, rounded down.
    #
    # @return [Integer, nil]
    def unix_ms
      time&.then { |time| (time.to_i * 1000) + (time.nsec / 1_000_000) }
    end

    # The 48-bit node of a UUID of version 1 or 6.
    #
    # @return [Integer]
    def node
      Native.uuid_node(bytes).unpack("nN").then { |high, low| (high << 32) | low }
    end

    # The 14-bit clock sequence of a UUID of version 1 or 6.
    #
    # @return [Integer]
    def clock_seq
      Native.uuid_clock_seq(bytes)
    end

    # A copy of a UUID of version 1 or 6 with another node or clock sequence.
    #
    # @return [UUID]
    def with(node: nil, clock_seq: nil)
      changed = bytes
      changed = Native.uuid_set_node(changed, Convert.bytes(node, 48)) if node
      changed = Native.uuid_set_clock_seq(changed, clock_seq) if clock_seq
      self.class.from_bytes(changed)
    end

    # Converts a UUID of version 1 to version 6, with the same time, clock sequence and node.
    #
    # @return [UUID]
    def to_v6
      self.class.from_bytes(Native.uuid_1to6(bytes))
    end

    # Converts a UUID of version 6 to version 1, with the same time, clock sequence and node.
    #
    # @return [UUID]
    def to_v1
      self.class.from_bytes(Native.uuid_6to1(bytes))
    end
  end

  private_constant :ID128
end
