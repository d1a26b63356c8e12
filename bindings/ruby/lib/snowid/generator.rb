# frozen_string_literal: true

# SPDX-License-Identifier: MIT

module Snowid
  # Makes unique IDs of one kind for one worker: Integers, ULIDs or UUIDs. Any number of threads may
  # use a generator. With the default store, so may all processes of one user on a host: Puma,
  # Sidekiq and Passenger, with or without preloading, never get the same ID from generators with
  # the same fields. What needs a worker of its own: another host, another container, another user,
  # a program that names another store, and a service that cannot see /dev/shm. Create all
  # generators before a change of user, or all after it. If the clock may be set back across a
  # reboot, use "file:".
  #
  #   ids = Snowid::Generator.new("snowflake", worker: 5)
  #   ids.next
  #   ids.batch(1000)
  #   ids.lazy.map { |id| Snowid.format_id(id, :base62) }.first(3)
  #
  #   Snowid::Generator.open("ulid", store: "file:/var/lib/me/ulids") { |g| g.next }
  #
  # While next, batch or new waits, other threads run, and Thread#kill, Timeout and Ctrl-C can
  # interrupt it. Ractors can share a frozen generator.
  #
  # Each ID is made only when it is asked for. Enumeration is endless, so methods that need all IDs
  # (to_a, sort, count) do not return.
  class Generator
    include Enumerable

    # Creates a generator. If a block is given, passes the generator to it and closes it afterwards.
    # Takes the same arguments as new.
    #
    # @return [Generator, Object] the generator, or what the block returns
    def self.open(*arguments, **options)
      generator = new(*arguments, **options)
      return generator unless block_given?

      begin
        yield generator
      ensure
        generator.close
      end
    end

    # Creates a generator. A span of time is a number of seconds, or text such as "500ms". Defaults
    # are in parentheses.
    #
    # kind::    a preset, a layout spec, a Layout, "ulid", "uuid1", "uuid6" or "uuid7"
    # fields::  a Hash of the values of fields that are the same in all IDs, such as
    #           <tt>{ worker: 5 }</tt>; for uuid1 and uuid6: node, clock_seq
    # store::   where to keep the state: "host:", which all processes of a user share until the next
    #           boot; "file:/path", which survives reboots; "slots:/directory", which gives each
    #           process a worker of its own; or "memory:", which only this process and its forked
    #           children know. The default is SNOWID_STORE; without it, "host:" for layouts, and
    #           "memory:" for ULIDs, UUIDs and with a clock of your own. With a file or a slot, new
    #           may wait for a few times the reserve until the clock reaches the recorded time
    # open_timeout:: how long new may wait in all; without it, as above
    # clock::   a ManualClock, for tests
    # timeout:: how long a call without a timeout may wait (2 s)
    # wait::    if the clock is behind by up to this, wait for it to catch up (5 ms)
    # hold::    if it is behind by up to this, continue from the last tick; if by more, raise
    #           ClockError (1 s)
    # borrow::  how far IDs may run ahead of the clock when the sequence of a tick is used up (0)
    # reserve:: how far ahead of the clock a store allows IDs (3 s)
    # max_jump:: if the clock goes ahead by more than this, beyond the time that has really passed,
    #           do not record its time in a state file (1 h)
    # mode::    the permissions of a new state file: 0o600 for the user only, 0o640 to let the group
    #           read it, or 0o660 to let the group use it (0o600)
    # spread::  whether to begin the sequence of each tick at a random value (false)
    # more::    values of fields, except those with a name listed above
    def initialize(kind = "snowflake", fields: {}, store: nil, open_timeout: nil, clock: nil,
                   timeout: nil, wait: nil, hold: nil, borrow: nil, reserve: nil, max_jump: nil,
                   mode: nil, spread: nil, **more)
      config = Native.config_new
      config.set_kind(kind.to_s)
      fields.each { |name, value| config.set_field(name.to_s, value) }
      more.each { |name, value| set_option(config, name.to_s, value) }
      config.set_store(store.to_s) if store
      config.set_clock(clock) if clock
      mode = format("%04o", mode) if mode.is_a?(Integer)
      { timeout: timeout, wait: wait, hold: hold, borrow: borrow, reserve: reserve,
        max_jump: max_jump }
        .each { |name, value| config.set(name.to_s, span_text(value)) unless value.nil? }
      { mode: mode, spread: spread }
        .each { |name, value| config.set(name.to_s, value.to_s) unless value.nil? }
      adopt(Native.generator_new(config, open_timeout && Convert.timeout(open_timeout)))
    end

    # Passes an endless sequence of new IDs to the block. Without a block, returns an Enumerator.
    def each
      return to_enum { Float::INFINITY } unless block_given?

      loop_without_end { yield self.next }
    end

    # How many IDs are available now without waiting. Raises an error if there are none.
    #
    # @return [Integer]
    def available # rubocop:disable Lint/UselessMethodDefinition
      super
    end

    # Closes the generator: no thread gets another ID and, with memory:, no child does. Closing it
    # again has no effect. Garbage collection frees a generator without closing it.
    #
    # @param timeout [Numeric, String] how long to wait for the store
    #
    # @return [nil]
    def close(timeout: 2)
      super(Convert.timeout(timeout))
    end

    # Whether it has been closed, in this process or, with memory:, in the one that created it.
    def closed?
      available && false
    rescue ClosedError
      true
    rescue Error
      false
    end

    # Renews the store if that is due.
    #
    # @return [Float] after how many seconds to call it again; infinite for never
    def maintain
      again = super
      again == UINT64_MAX ? Float::INFINITY : again / 1e9
    end

    # The value of a field that is the same in all IDs, such as :worker or :shard.
    #
    # @return [Integer]
    def field(name)
      super(name.to_s)
    end

    # The kind of ID that it makes: a preset, a layout spec, "ulid", …
    #
    # @return [String]
    def kind
      get("kind")
    end

    # A setting as text, such as :store or :hold.
    #
    # @return [String]
    def setting(key)
      get(key.to_s)
    end

    # The layout of its IDs, or nil for ULIDs and UUIDs.
    #
    # @return [Layout, nil]
    def layout
      Layout.new(kind) unless %w[ulid uuid1 uuid6 uuid7].include?(kind)
    end

    # Counters since the generator was created, or since its store was, if others share it; of a
    # state file, since it was first opened after the last boot.
    #
    # +:left_ns+ says for how long IDs can be made if the store is not renewed. If a coordinator
    # assigns the worker, +:lease+ is :held, :in_doubt or :lost, and the values after it say more;
    # +:workers_free+ is nil if it is not known.
    #
    # @return [Hash{Symbol => Integer, Float, Symbol, nil}] issued, waits, regressions, refused,
    #   max_lead_ns, max_lag_ns, removals, left_ns (Float::INFINITY: for ever), lease, epoch,
    #   losses, renewals, renewal_ns, workers_free
    def stats
      values = STATS.to_h { |name, which| [name, name == :left_ns ? left_ns : stat(which)] }
      values[:lease] = LEASES[values[:lease]]
      values[:workers_free] = nil if values[:workers_free] == UINT64_MAX
      values
    end

    STATS = %i[issued waits regressions refused max_lead_ns max_lag_ns removals left_ns lease epoch
               losses renewals renewal_ns workers_free]
            .to_h { |name| [name, Native.const_get("STAT_#{name.upcase}")] }.freeze
    LEASES = [nil, :held, :in_doubt, :lost].freeze
    UINT64_MAX = 0xffff_ffff_ffff_ffff
    private_constant :STATS, :LEASES, :UINT64_MAX

    # For example <tt>#<Snowid::Generator snowflake></tt>.
    def inspect
      "#<#{self.class} #{kind}#{' (closed)' if closed?}>"
    end

    private :get, :stat

    private

    def initialize_copy(_other)
      raise TypeError, "can't copy a #{self.class}"
    end

    # The clock may be outside the time of the layout: then there is none.
    def left_ns
      left = stat(STATS[:left_ns])
      left == UINT64_MAX ? Float::INFINITY : left
    rescue ClockError
      0
    end

    # `loop` would end silently if the block raises StopIteration.
    def loop_without_end
      yield while true # rubocop:disable Style/InfiniteLoop
    end

    # A name that is no field may be a setting's with a typing error.
    def set_option(config, name, value)
      begin
        config.set_field(name, 0)
      rescue Error
        config.set(name, value.to_s) # fails too, and tells which settings there are
      end
      config.set_field(name, value)
    end

    def span_text(value)
      value.is_a?(Numeric) ? "#{Convert.timeout(value)}ns" : value.to_s
    end
  end
end
