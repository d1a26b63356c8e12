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

    class << self
      # Seconds and nanoseconds of an instant.
      def instant(value)
        case value
        when String then Native.time_parse(value)
        when Time then instant_of_time(value)
        when Numeric then (rational(value) * NS_PER_SEC).floor.divmod(NS_PER_SEC)
        else instant_of_date(value)
        end
      end

      # The Time of seconds and nanoseconds.
      def time(sec, nsec)
        Time.at(sec, nsec, :nsec).utc
      end

      # A span in nanoseconds.
      def nanoseconds(span)
        unless span.is_a?(Numeric)
          raise TypeError, "a number of seconds is needed, not #{span.class}"
        end

        (rational(span) * NS_PER_SEC).round
      end

      # The 64 bits of an ID: of an Integer, also of a negative one that a signed column of a
      # database has returned, or of decimal text.
      def id(value)
        case value
        when String then Native.id_parse(value, Native::FORM_DECIMAL)
        when -(2**63)..-1 then value + (2**64)
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

      # Time.at(seconds) of a Float has digits below a nanosecond, and means what the Float means.
      def instant_of_time(time)
        below_ns = (time.subsec * NS_PER_SEC) % 1
        return instant(time.to_f) if below_ns != 0 && Time.at(time.to_f) == time

        [time.to_i, time.nsec]
      end

      # A Date is its midnight in UTC.
      def instant_of_date(value)
        return instant(value.to_time) if defined?(::DateTime) && value.is_a?(::DateTime)
        return [(value.jd - UNIX_EPOCH_JD) * 86_400, 0] if defined?(::Date) && value.is_a?(::Date)

        raise TypeError, "a Time, a Date, a number of seconds or a String is needed, " \
                         "not #{value.class}"
      end

      def rational(number)
        number.is_a?(Float) ? round_float(number) : number.to_r
      rescue FloatDomainError
        raise Errors.make(Native::E_RANGE, "#{number} is not a number of seconds")
      end

      # The decimal that a Float means: rounded to the last digit that its neighbours differ in,
      # which for the present is a microsecond.
      def round_float(number)
        exact = number.to_r
        ulp = number.abs.next_float - number.abs
        exact.round((-Math.log10(ulp)).floor.clamp(..9)).to_r
      end
    end
  end
  private_constant :Convert
end
