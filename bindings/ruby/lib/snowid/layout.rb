# frozen_string_literal: true

# SPDX-License-Identifier: MIT

module Snowid
  # What the bits of a kind of 64-bit ID mean. Immutable.
  #
  #   tweet = Snowid::Layout.new("twitter").decode(1541815603606036480)
  #   tweet[:time]         # => 2022-06-28 16:07:40.105 UTC
  #   tweet[:datacenter]   # => 11
  #
  # In a query:
  #
  #   Message.where(id: Snowid::Layout.new("discord").range(1.day.ago, Time.now))
  class Layout
    # One field of a layout: its name, its width in bits, and the position of its lowest bit.
    Field = Struct.new(:name, :bits, :shift)

    # The names of the layouts that are built in.
    #
    # @return [Array<String>]
    def self.presets
      (0..).lazy.map { |index| Native.layout_preset(index) }.take_while(&:itself).to_a
    end

    # @param spec [String, Symbol] a preset, or a spec as
    #   "time:41,datacenter:5,worker:5,sequence:12;epoch=2021-01-01;unit=1ms"
    def initialize(spec)
      adopt(Native.layout_new(spec.to_s))
      freeze
    end

    # What an ID holds: its id, time, unix_ms, and the value of each field but time.
    #
    # @param id [Integer]
    #
    # @return [Hash{Symbol => Object}]
    def decode(id)
      held = { id: id, time: time(id), unix_ms: time_ms(id) }
      fields.each { |field| held[field.name] = self.field(id, field.name) unless field.name == :time }
      held
    end

    # The ID of an instant with these fields; those not given are 0.
    #
    # @return [Integer]
    def encode(instant, **fields)
      fields.reduce(first_at(instant)) { |id, (name, value)| set_field(name.to_s, value, id) }
    end

    # The raw value of one field of an ID, time (in ticks) and sequence included.
    #
    # @return [Integer]
    def field(id, name)
      super(id, name.to_s)
    end

    # The instant an ID was made at.
    #
    # @return [Time]
    def time(id)
      Snowid.time_of(*super)
    end

    # The instant an ID was made at in milliseconds since 1970, rounded down.
    #
    # @return [Integer]
    def time_ms(id) # rubocop:disable Lint/UselessMethodDefinition
      super
    end

    # The smallest ID of the tick that contains an instant.
    #
    # @return [Integer]
    def first_at(instant)
      super(*Snowid.instant_of(instant))
    end

    # The largest ID of the tick that contains an instant.
    #
    # @return [Integer]
    def last_at(instant)
      super(*Snowid.instant_of(instant))
    end

    # All IDs from the tick of one instant to that of another.
    #
    # @return [Range<Integer>]
    def range(from, to = from)
      first_at(from)..last_at(to)
    end

    # The fields, most significant first.
    #
    # @return [Array<Field>]
    def fields
      Array.new(info(Native::LAYOUT_FIELDS)) do |index|
        name, bits, shift = field_at(index)
        Field.new(name.to_sym, bits, shift)
      end
    end

    # Bits in all.
    def bits
      info(Native::LAYOUT_BITS)
    end

    # Length of a tick in nanoseconds.
    def unit_ns
      info(Native::LAYOUT_UNIT_NS)
    end

    # How many IDs a node can make in a tick.
    def ids_per_tick
      info(Native::LAYOUT_IDS_PER_TICK)
    end

    # Number of values of all fields but time and sequence.
    def nodes
      info(Native::LAYOUT_NODES)
    end

    # The last tick.
    def last_tick
      info(Native::LAYOUT_LAST_TICK)
    end

    # A hash of what makes the bits: widths, sequence, unit, epoch.
    def fingerprint
      info(Native::LAYOUT_FINGERPRINT)
    end

    # The start of the first tick.
    #
    # @return [Time]
    def first_time
      Snowid.time_of(*super)
    end

    # The start of the last tick.
    #
    # @return [Time]
    def last_time
      Snowid.time_of(*super)
    end

    # Until when every ID fits into that many bits: 63 for a signed integer, 53 for JavaScript.
    #
    # @return [Time]
    def fits_until(bits)
      Snowid.time_of(*super)
    end

    # The full spec, which makes the same layout again.
    #
    # @return [String]
    def spec
      format
    end
    alias to_s spec

    # As <tt>#<Snowid::Layout time:41,…></tt>.
    def inspect
      "#<#{self.class} #{self}>"
    end

    # Whether the names of the fields and what makes the bits are the same.
    def ==(other)
      other.is_a?(Layout) && to_s == other.to_s
    end
    alias eql? ==

    # Of the spec: layouts are keys of a Hash.
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
