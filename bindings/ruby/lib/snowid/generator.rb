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
  # The methods that draw, next, try_next and batch, are written in C. While one of them, or new, waits, other
  # threads run, and it may be interrupted: by Thread#kill, Timeout and Ctrl-C. A frozen generator is shareable
  # among Ractors.
  #
  # Nothing is drawn before it is asked for. As there is no last ID, what wants all of them (to_a, sort,
  # count) does not return.
  class Generator
    include Enumerable

    # Makes a generator and, with a block, hands it to that and closes it after. Arguments as for new.
    #
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

    # Makes a generator. Spans are seconds or texts as "500ms".
    #
    # kind::    a preset, a spec, a Layout, "ulid", "uuid1", "uuid6" or "uuid7"
    # fields::  a Hash of values of fixed fields, as <tt>{ worker: 5 }</tt>; of uuid1 and uuid6: node, clock_seq
    # store::   where the state lives: "memory:", "file:/path", "slots:/directory". A file or a slot may have
    #           to wait for the clock to reach what is recorded: up to two blocks
    # clock::   a ManualClock, for tests
    # timeout:: longest wait of a call without its own (default: 2 s)
    # wait::    clock behind by up to this: wait it out (5 ms)
    # hold::    behind by up to this: go on in the last tick; beyond: refuse (1 s)
    # borrow::  how far IDs may run ahead of the clock when a tick is spent (0)
    # block::   how far ahead of the clock a store allows IDs (3 s)
    # spread::  true: start the sequence of each tick at a random value
    # more::    fields as well, where no name of above is in the way
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

    # How many IDs could be taken now without waiting; raises where none could.
    #
    # @return [Integer]
    def available # rubocop:disable Lint/UselessMethodDefinition
      super
    end

    # Ends the generator: no ID is handed out after it, in any thread, nor, with memory:, in any child.
    # Closing twice does nothing. Garbage collection frees without closing.
    #
    # @param timeout [Numeric] seconds to wait for the store
    #
    # @return [nil]
    def close(timeout: 2)
      super(Snowid.nanoseconds(timeout))
    end

    # Whether it has been closed, here or, with memory:, by the process that made it.
    def closed?
      available && false
    rescue ClosedError
      true
    rescue Error
      false
    end

    # Does what is due for the store.
    #
    # @return [Float] after how many seconds it wants to be called again; infinite: never
    def maintain
      again = super
      again == 0xffff_ffff_ffff_ffff ? Float::INFINITY : again / 1e9
    end

    # The value of a fixed field: :worker, :shard, …
    #
    # @return [Integer]
    def field(name)
      super(name.to_s)
    end

    # What the IDs are: a full spec, "ulid", …
    #
    # @return [String]
    def kind
      get("kind")
    end

    # A setting as text, as :store, :hold.
    #
    # @return [String]
    def setting(key)
      get(key.to_s)
    end

    # The layout of its IDs; nil for ULIDs and UUIDs.
    #
    # @return [Layout, nil]
    def layout
      Layout.new(kind) unless %w[ulid uuid1 uuid6 uuid7].include?(kind)
    end

    # Counters since the generator was made, or since its state file was first opened in this boot.
    #
    # @return [Hash{Symbol => Integer}] issued, waits, regressions, refused, max_lead_ns, max_lag_ns
    def stats
      STATS.transform_values { |which| stat(which) }
    end

    STATS = %i[issued waits regressions refused max_lead_ns max_lag_ns]
            .to_h { |name| [name, Native.const_get("STAT_#{name.upcase}")] }.freeze
    private_constant :STATS

    # As <tt>#<Snowid::Generator snowflake></tt>.
    def inspect
      "#<#{self.class} #{kind}#{' (closed)' if closed?}>"
    end

    private :get, :stat

    private

    def initialize_copy(_other)
      raise TypeError, "can't copy a #{self.class}"
    end

    # `loop` would take a StopIteration of the block for the end.
    def loop_without_end
      yield while true # rubocop:disable Style/InfiniteLoop
    end

    def span(value)
      value.is_a?(Numeric) ? "#{Snowid.nanoseconds(value)}ns" : value.to_s
    end
  end
end
