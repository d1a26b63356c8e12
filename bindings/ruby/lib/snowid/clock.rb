# frozen_string_literal: true

# SPDX-License-Identifier: MIT

module Snowid
  # A clock that moves only by the calls below, and by waiting, which then takes no time: for tests.
  # Children of fork share it.
  #
  #   clock = Snowid::ManualClock.new("2024-01-03T19:30:00Z")
  #   ids = Snowid::Generator.new("snowflake", worker: 1, clock: clock)
  #   clock.step(-0.010)
  class ManualClock
    # @param instant [Time, Numeric, String] what it says at first
    def initialize(instant)
      adopt(Native.clock_new_manual(*Snowid.instant_of(instant)))
    end

    # Moves wall time alone, forwards or backwards, by seconds.
    #
    # @return [self]
    def step(seconds)
      super(Snowid.nanoseconds(seconds))
      self
    end

    # Sets wall time alone.
    #
    # @return [self]
    def set(instant)
      step(Rational(difference(Snowid.instant_of(instant), instant_now), 1_000_000_000))
    end

    # Lets wall and elapsed time go on together, by seconds.
    #
    # @return [self]
    def advance(seconds)
      super(Snowid.nanoseconds(seconds))
      self
    end

    # Wall time.
    #
    # @return [Time]
    def now
      Snowid.time_of(*instant_now)
    end

    # Elapsed time in seconds, from an arbitrary start.
    #
    # @return [Rational]
    def elapsed
      Rational(read[2], 1_000_000_000)
    end

    # As <tt>#<Snowid::ManualClock 2024-01-03T19:30:00.000Z></tt>.
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
