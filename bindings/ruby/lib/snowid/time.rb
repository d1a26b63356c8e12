# frozen_string_literal: true

# SPDX-License-Identifier: MIT

module Snowid
  # Instants and spans. An instant is a Time, a DateTime, a number of seconds since 1970, or text
  # such as "2024-01-03T19:30:00Z". A span is a number of seconds, or text such as "500ms". Both are
  # exact to the nanosecond, except for the rounding of a Float.
  class << self
    # Parses an instant: ISO 8601 with a time zone, a date, or milliseconds since 1970.
    #
    # @return [Time] in UTC
    def parse_time(text)
      time_of(*Native.time_parse(text))
    end

    # Formats an instant as ISO 8601 in UTC, with 3, 6 or 9 decimals.
    #
    # @return [String]
    def format_time(instant)
      Native.time_format(*instant_of(instant))
    end

    # Seconds and nanoseconds of an instant.
    # @api private
    def instant_of(instant) # :nodoc:
      case instant
      when String then Native.time_parse(instant)
      when Time then [instant.to_i, instant.nsec]
      when Numeric
        (to_rational(instant) * 1_000_000_000).floor.divmod(1_000_000_000)
      else
        # Not a Date: its midnight is a different instant in each time zone.
        return instant_of(instant.to_time) if defined?(::DateTime) && instant.is_a?(::DateTime)

        raise TypeError,
              "a Time, a DateTime, a number of seconds or a String is needed, not #{instant.class}"
      end
    end

    # The Time of seconds and nanoseconds.
    # @api private
    def time_of(sec, nsec) # :nodoc:
      Time.at(sec, nsec, :nsec).utc
    end

    # A span in nanoseconds.
    # @api private
    def nanoseconds(seconds) # :nodoc:
      unless seconds.is_a?(Numeric)
        raise TypeError, "a number of seconds is needed, not #{seconds.class}"
      end

      (to_rational(seconds) * 1_000_000_000).round
    end

    private

    def to_rational(number)
      number.to_r
    rescue FloatDomainError
      raise Error.make(Native::E_RANGE, "#{number} is not a number of seconds")
    end
  end
end
