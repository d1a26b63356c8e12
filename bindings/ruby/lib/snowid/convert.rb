# frozen_string_literal: true

# SPDX-License-Identifier: MIT

module Snowid
  # Converts arguments to what the C library takes, and its results to what Ruby has for them.
  # @api private
  module Convert # :nodoc:
    # How many nanoseconds a second has.
    NS_PER_SEC = 1_000_000_000
    # The Julian day of 1970-01-01.
    UNIX_EPOCH_JD = 2_440_588
    # The greatest span, which no timeout reaches.
    ENDLESS = (1 << 64) - 1

    class << self
      # Seconds and nanoseconds of an instant.
      def instant(value)
        case value
        when String then Native.time_parse(value)
        when Time then instant_of_time(value)
        when Float then Native.time_from_seconds(value)
        when Numeric then instant_of_exact(value)
        else instant_of_date(value)
        end
      end

      # The Time of seconds and nanoseconds.
      def time(sec, nsec)
        Time.at(sec, nsec, :nsec).utc
      end

      # Whether this is a Date, which means all of a day, and not a DateTime.
      def date?(value)
        defined?(::Date) && value.is_a?(::Date) && !value.is_a?(::DateTime)
      end

      # A span in nanoseconds.
      def span(value)
        return Native.span_parse(value) if value.is_a?(String)
        unless number?(value)
          raise TypeError, "a number of seconds or a String is needed, not #{value.class}"
        end

        rounded = Native.span_from_seconds(value.to_f)
        value.is_a?(Float) ? rounded : (value.to_r * NS_PER_SEC).round
      end

      # A span in nanoseconds, which may be negative.
      def signed_span(value)
        number?(value) && value.negative? ? -span(-value) : span(value)
      end

      # A span in nanoseconds, which may be infinite.
      def timeout(value)
        value == Float::INFINITY ? ENDLESS : span(value)
      end

      # The 64 bits of an ID: of an Integer, also of a negative one that a signed column of a
      # database has returned, or of decimal text.
      def id(value)
        case value
        when String then Native.id_parse(value, Native::FORM_DECIMAL)
        when -(2**63)..-1 then value + (2**64)
        when ..-1
          raise Errors.make(Native::E_RANGE, "#{value} is below -2^63")
        else value
        end
      end

      # The 16 bytes of a namespace of names: a UUID, its text, or the name of one of RFC 9562's.
      def namespace(value)
        return value.bytes if value.is_a?(UUID)

        value = value.to_s if value.is_a?(Symbol)
        return Native.uuid_parse(value) if value.is_a?(String) && value.size >= 32

        Native.uuid_namespace(value)
      end

      # The bytes of an Integer with that many bits, the most significant first.
      def bytes(number, bits)
        raise TypeError, "an Integer is needed, not #{number.class}" unless number.is_a?(Integer)
        unless (0...(1 << bits)).cover?(number)
          raise Errors.make(Native::E_RANGE, "#{number} is not from 0 to 2^#{bits} - 1")
        end

        [format("%0*x", bits / 4, number)].pack("H*")
      end

      private

      def number?(value)
        value.is_a?(Numeric) && value.real?
      end

      # Time.at(seconds) of a Float has digits below a nanosecond, and means what the Float means.
      def instant_of_time(time)
        below_ns = (time.subsec * NS_PER_SEC) % 1
        return instant(time.to_f) if below_ns != 0 && Time.at(time.to_f) == time

        [time.to_i, time.nsec]
      end

      # The library checks the range, and tells what looks like milliseconds.
      def instant_of_exact(seconds)
        ns = (seconds.to_r * NS_PER_SEC).floor
        Native.time_from_seconds((ns / NS_PER_SEC).to_f)
        ns.divmod(NS_PER_SEC)
      end

      # A Date is its midnight in UTC.
      def instant_of_date(value)
        return [(value.jd - UNIX_EPOCH_JD) * 86_400, 0] if date?(value)
        return instant(value.to_time) if defined?(::DateTime) && value.is_a?(::DateTime)

        raise TypeError, "a Time, a Date, a number of seconds or a String is needed, " \
                         "not #{value.class}"
      end
    end
  end
  private_constant :Convert
end
