# frozen_string_literal: true

# SPDX-License-Identifier: MIT

module Snowid
  # A clock for tests. It only moves by the calls below, and when a generator waits, which then
  # takes no real time. Forked children share it.
  #
  #   clock = Snowid::ManualClock.new("2024-01-03T19:30:00Z")
  #   ids = Snowid::Generator.new("snowflake", worker: 1, clock: clock)
  #   clock.step(-0.010)
  class ManualClock
    # @param instant [Time, Numeric, String] the initial time
    def initialize(instant)
      adopt(Native.clock_new_manual(*Convert.instant(instant)))
    end

    # Steps wall time forwards or backwards by seconds, without changing elapsed time.
    #
    # @return [self]
    def step(seconds)
      super(Convert.signed_span(seconds))
      self
    end

    # Sets wall time, without changing elapsed time.
    #
    # @return [self]
    def set(instant)
      step(Rational(difference(Convert.instant(instant), instant_now), 1_000_000_000))
    end

    # Advances both wall and elapsed time, by seconds.
    #
    # @return [self]
    def advance(seconds)
      super(Convert.span(seconds))
      self
    end

    # Wall time.
    #
    # @return [Time]
    def now
      Convert.time(*instant_now)
    end

    # Elapsed time in seconds, from an arbitrary start.
    #
    # @return [Rational]
    def elapsed
      Rational(read[2], 1_000_000_000)
    end

    # For example <tt>#<Snowid::ManualClock 2024-01-03T19:30:00.000Z></tt>.
    def inspect
      "#<#{self.class} #{Snowid.format_time(now)}>"
    end

    private :read

    private

    def initialize_copy(_other)
      raise TypeError, "can't copy a #{self.class}"
    end

    def instant_now
      read.first(2)
    end

    def difference(to, from)
      ((to[0] - from[0]) * 1_000_000_000) + to[1] - from[1]
    end
  end
end
