# frozen_string_literal: true

# SPDX-License-Identifier: MIT

module Snowid
  # The time that a range of IDs covers: from one instant up to, but not including, another.
  # @api private
  class Period # :nodoc:
    # The default for the end of a range: all of the time that its first argument means.
    WHOLE = Object.new.freeze
    # Seconds and nanoseconds of no beginning.
    NO_BEGIN = [-(1 << 63), 0].freeze
    # The same of no end.
    NO_END = [(1 << 63) - 1, 0].freeze

    # Seconds and nanoseconds of both ends, which the functions of the library take.
    attr_reader :ends

    def initialize(from, before)
      @inclusive = false
      @ends = before.equal?(WHOLE) ? ends_of(from) : ends_between(from, before)
    end

    # The range of the first to the last ID; the block is called for the ID at the last instant, if
    # that belongs to the period, with all of its tick.
    def ids(first, last)
      first..(@inclusive ? yield(Convert.time(*last_instant)) : last)
    end

    private

    def ends_between(from, before)
      [*(from.nil? ? NO_BEGIN : Convert.instant(from)),
       *(before.nil? ? NO_END : Convert.instant(before))]
    end

    def ends_of(value)
      return Native.period_parse(value) if value.is_a?(String)
      return ends_between(value, value + 1) if Convert.date?(value)
      return ends_of_range(value) if value.is_a?(::Range)

      raise TypeError, "a range needs its end as well, unless it is a Date, a Range or text " \
                       "such as \"2024-01\" or \"2024-01-31\""
    end

    def ends_of_range(range)
      return ends_between(range.begin, range.end) if range.exclude_end? || range.end.nil?

      @inclusive = true
      [*ends_between(range.begin, nil).first(2), *first_after(range.end)]
    end

    # A text and a Date have a length, and the last instant of it belongs to an inclusive range.
    def first_after(value)
      return ends_of(value).last(2) if value.is_a?(String) || Convert.date?(value)

      sec, nsec = Convert.instant(value)
      normalize(sec, nsec + 1)
    end

    def last_instant
      normalize(ends[2], ends[3] - 1)
    end

    def normalize(sec, nsec)
      more, nsec = nsec.divmod(Convert::NS_PER_SEC)
      [sec + more, nsec]
    end
  end
  private_constant :Period
end
