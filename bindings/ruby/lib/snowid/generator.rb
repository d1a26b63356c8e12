# frozen_string_literal: true

# SPDX-License-Identifier: MIT

module Snowid
  # Hands out IDs of one kind for one worker: Integers of a layout, or ULIDs or UUIDs. Threads share
  # one, and so do processes forked from it; what one gets no other gets.
  #
  #   ids = Snowid::Generator.new("snowflake", worker: 5)
  #   ids.next
  #   ids.batch(1000)
  #   ids.lazy.map { |id| Snowid.format_id(id, :base62) }.first(3)
  #
  #   Snowid::Generator.open("ulid", store: "file:/var/lib/me/ulids") { |g| g.next }
  #
  # Nothing is drawn before it is asked for. As there is no last ID, what wants all of them (to_a, sort,
  # count) does not return.
  class Generator
    include Enumerable

    # Makes a generator and, with a block, hands it to that and closes it after. Arguments as for new.
    # @return [Generator, Object] what the block returns
    def self.open(*arguments, **options)
      generator = new(*arguments, **options)
      return generator unless block_given?

      begin
        yield generator
      ensure
        generator.close
      end
    end

    # Spans are seconds or texts as "500ms".
    #
    # @param kind [String, Symbol, Layout] a preset, a layout, "ulid", "uuid1", "uuid6" or "uuid7"
    # @param fields [Hash] values of fixed fields, as worker: 5; of uuid1 and uuid6: node, clock_seq
    # @param store [String] where the state lives: "memory:", "file:/path", "slots:/directory"
    # @param clock [ManualClock] for tests
    # @param timeout longest wait of a call without its own
    # @param wait clock behind by up to this: wait it out
    # @param hold behind by up to this: go on in the last tick; beyond: refuse
    # @param borrow how far IDs may run ahead of the clock when a tick is spent
    # @param block how far ahead of the clock a store allows IDs
    # @param spread [Boolean] start the sequence of each tick at a random value
    # @param more [Hash{Symbol => Integer}] fields as well, where no name of above is in the way
    def initialize(kind = "snowflake", fields: {}, store: nil, clock: nil, timeout: nil, wait: nil, hold: nil,
                   borrow: nil, block: nil, spread: nil, **more)
      config = Native.config_new
      config.set_kind(kind.to_s)
      { **fields, **more }.each { |name, value| config.set_field(name.to_s, value) }
      config.set_store(store.to_s) if store
      config.set_clock(clock) if clock
      { timeout: timeout, wait: wait, hold: hold, borrow: borrow, block: block, spread: spread }
        .each { |name, value| config.set(name.to_s, span(value)) unless value.nil? }
      adopt(Native.generator_new(config))
    end

    # Each ID from now on, without end; without a block, an Enumerator of them.
    def each
      return to_enum { Float::INFINITY } unless block_given?

      loop_without_end { yield self.next }
    end

    # @!method next(timeout: nil)
    #   The next ID. Waits up to `timeout` seconds, or else as long as the generator was made to.
    #   @return [Integer, ULID, UUID]

    # @!method try_next
    #   The next ID, or nil where it would have to be waited for. A block is given the seconds after which
    #   it is worth trying again, and its value is returned in place of nil. Never syncs with a store.

    # @!method batch(count, timeout: nil)
    #   That many IDs in increasing order. Its errors have what was made before as `partial`.
    #   @return [Array<Integer, ULID, UUID>]

    # @!method available
    #   How many IDs could be taken now without waiting; raises where none could.
    #   @return [Integer]

    # Ends the generator: no ID is handed out after it, in any thread, nor, with memory:, in any child.
    # Closing twice does nothing. Garbage collection frees without closing.
    # @param timeout [Numeric] seconds to wait for the store
    # @return [nil]
    def close(timeout: 2)
      super(Snowid.nanoseconds(timeout))
      @closed = true
      nil
    end

    # Whether close was called in this process.
    def closed?
      @closed ? true : false
    end

    # Does what is due for the store.
    # @return [Float] after how many seconds it wants to be called again; infinite: never
    def maintain
      again = super
      again == 0xffff_ffff_ffff_ffff ? Float::INFINITY : again / 1e9
    end

    # The value of a fixed field: :worker, :shard, …
    # @return [Integer]
    def field(name)
      super(name.to_s)
    end

    # What the IDs are: a full spec, "ulid", …
    # @return [String]
    def kind
      get("kind")
    end

    # A setting as text, as :store, :hold.
    # @return [String]
    def setting(key)
      get(key.to_s)
    end

    # The layout of its IDs; nil for ULIDs and UUIDs.
    # @return [Layout, nil]
    def layout
      Layout.new(kind) unless %w[ulid uuid1 uuid6 uuid7].include?(kind)
    end

    # Counters since the generator was made, or since its state file was first opened in this boot.
    # @return [Hash{Symbol => Integer}] issued, waits, regressions, refused, max_lead_ns, max_lag_ns
    def stats
      STATS.transform_values { |which| stat(which) }
    end

    STATS = %i[issued waits regressions refused max_lead_ns max_lag_ns]
            .to_h { |name| [name, Native.const_get("STAT_#{name.upcase}")] }.freeze
    private_constant :STATS

    def inspect
      "#<#{self.class} #{kind}#{' (closed)' if closed?}>"
    end

    private :get, :stat

    private

    # `loop` would take a StopIteration of the block for the end.
    def loop_without_end
      yield while true # rubocop:disable Style/InfiniteLoop
    end

    def span(value)
      value.is_a?(Numeric) ? "#{Snowid.nanoseconds(value)}ns" : value.to_s
    end
  end
end
