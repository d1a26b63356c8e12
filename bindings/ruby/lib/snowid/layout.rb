# frozen_string_literal: true

# SPDX-License-Identifier: MIT

module Snowid
  # What the bits of a 64-bit ID mean. Layouts are immutable.
  #
  #   tweet = Snowid::Layout.new("twitter").decode(1541815603606036480)
  #   tweet[:time]         # => 2022-06-28 16:07:40.105 UTC
  #   tweet[:datacenter]   # => 11
  #
  # In a query:
  #
  #   Message.where(id: Snowid::Layout.new("discord").range(1.day.ago..))
  class Layout
    # One field of a layout: its name, its width in bits, and the position of its lowest bit.
    Field = Struct.new(:name, :bits, :shift)

    # The names of the built-in layouts.
    #
    # @return [Array<String>]
    def self.presets
      (0..).lazy.map { |index| Native.layout_preset(index) }.take_while(&:itself).to_a
    end

    # @param spec [String, Symbol] a preset, or a spec such as
    #   "time:41,datacenter:5,worker:5,sequence:12;epoch=2021-01-01;unit=1ms"
    def initialize(spec)
      adopt(Native.layout_new(spec.to_s))
      freeze
    end

    # Splits an ID into its parts: id, time, unix_ms, and the value of each field other than time.
    #
    # @param id [Integer, String] an ID, the negative number that a signed column of a database has
    #   in place of one from 2^63 on, or decimal text
    #
    # @return [Hash{Symbol => Object}]
    def decode(id)
      id = Convert.id(id)
      parts = { id: id, time: time(id), unix_ms: time_ms(id) }
      fields.each do |field|
        parts[field.name] = self.field(id, field.name) unless field.name == :time
      end
      parts
    end

    # The ID with this instant and these field values. Fields that are not given are 0.
    #
    # @return [Integer]
    def encode(instant, **fields)
      fields.reduce(first_at(instant)) { |id, (name, value)| set_field(name.to_s, value, id) }
    end

    # The raw value of a field of an ID. The time (in ticks) and the sequence are fields too.
    #
    # @return [Integer]
    def field(id, name)
      super(Convert.id(id), name.to_s)
    end

    # When an ID was made.
    #
    # @return [Time]
    def time(id)
      Convert.time(*super(Convert.id(id)))
    end

    # When an ID was made, in milliseconds since 1970, rounded down.
    #
    # @return [Integer]
    def time_ms(id)
      super(Convert.id(id))
    end

    # The smallest ID of the tick that contains an instant.
    #
    # @return [Integer]
    def first_at(instant)
      super(*Convert.instant(instant))
    end

    # The largest ID of the tick that contains an instant.
    #
    # @return [Integer]
    def last_at(instant)
      super(*Convert.instant(instant))
    end

    # The IDs from one instant up to, but not including, another; or all IDs of a month, a day, a
    # second. Both ends are cut off to their tick, so that periods that follow each other neither
    # share an ID nor leave one out.
    #
    #   layout.range("2024-01")                          # all of January
    #   layout.range(Date.new(2024, 1, 31))              # all of the day in UTC
    #   layout.range("2024-01-01", "2024-02-01")         # January again
    #   layout.range(Date.new(2024, 1, 1)...Date.new(2024, 2, 1))
    #   layout.range("2024-01-01".."2024-01-31")         # with all of the last day
    #   layout.range(1.day.ago..)                        # no end
    #   layout.range(nil, "2024-01-01")                  # no beginning
    #
    # @param from [Range, String, Date, Time, Numeric, nil] an instant, nil, or, if there is no
    #   other argument, all of the time
    #
    # @param before [String, Date, Time, Numeric, nil]
    #
    # @return [Range<Integer>] empty if there are none
    def range(from, before = Period::WHOLE)
      period = Period.new(from, before)
      period.ids(*super(*period.ends)) { |instant| last_at(instant) }
    end

    # The fields, the most significant first.
    #
    # @return [Array<Field>]
    def fields
      Array.new(info(Native::LAYOUT_FIELDS)) do |index|
        name, bits, shift = field_at(index)
        Field.new(name.to_sym, bits, shift)
      end
    end

    # The total number of bits.
    def bits
      info(Native::LAYOUT_BITS)
    end

    # The length of a tick in nanoseconds.
    def unit_ns
      info(Native::LAYOUT_UNIT_NS)
    end

    # How many IDs a node can make per tick.
    def ids_per_tick
      info(Native::LAYOUT_IDS_PER_TICK)
    end

    # How many nodes can be distinguished by the fields other than time and sequence.
    def nodes
      info(Native::LAYOUT_NODES)
    end

    # The last tick, counted from the epoch.
    def last_tick
      info(Native::LAYOUT_LAST_TICK)
    end

    # A hash of everything that determines the bits: field widths, time unit and epoch.
    def fingerprint
      info(Native::LAYOUT_FINGERPRINT)
    end

    # The start of the first tick.
    #
    # @return [Time]
    def first_time
      Convert.time(*super)
    end

    # The start of the last tick.
    #
    # @return [Time]
    def last_time
      Convert.time(*super)
    end

    # Until when all IDs fit into that many bits: 63 for signed integers, 53 for JavaScript.
    #
    # @return [Time]
    def fits_until(bits)
      Convert.time(*super)
    end

    # The full spec, from which the same layout can be made.
    #
    # @return [String]
    def spec
      format
    end
    alias to_s spec

    # For example <tt>#<Snowid::Layout time:41,…></tt>.
    def inspect
      "#<#{self.class} #{self}>"
    end

    # Whether +other+ has the same field names and the same bits.
    def ==(other)
      other.is_a?(Layout) && to_s == other.to_s
    end
    alias eql? ==

    # A hash of the spec, so that layouts can be keys of a Hash.
    def hash
      to_s.hash
    end

    # For Marshal.
    # @api private
    def marshal_dump # :nodoc:
      to_s
    end

    # For Marshal.
    # @api private
    def marshal_load(spec) # :nodoc:
      initialize(spec)
    end

    private :info, :field_at, :set_field, :format

    private

    def initialize_copy(other)
      initialize(other.spec)
    end
  end
end
