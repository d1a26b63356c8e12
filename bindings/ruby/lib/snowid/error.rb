# frozen_string_literal: true

# SPDX-License-Identifier: MIT

module Snowid
  # Included in all errors of snowid. It is a module, so that each error is also one of Ruby's own:
  # `rescue Snowid::Error` catches all of them, `rescue ArgumentError` those about an argument.
  module Error
    # The error code of the C library: one of Snowid::E_*, or a negative errno.
    #
    # @return [Integer]
    attr_reader :code

    # After how many nanoseconds to try again; 0 if waiting does not help or the time is not known.
    #
    # @return [Integer]
    attr_reader :wait_ns

    # The IDs that a failed Generator#batch had already made.
    #
    # @return [Array, nil]
    attr_reader :partial
  end

  # An argument is invalid, out of range, malformed or unknown.
  module InvalidError
    include Error
  end

  # An InvalidError that is also Ruby's ArgumentError.
  class ArgumentError < ::ArgumentError
    include InvalidError
  end

  # An InvalidError that is also Ruby's RangeError: a number is negative or too large.
  class RangeError < ::RangeError
    include InvalidError
  end

  # The clock is too far behind the IDs already issued, has jumped ahead by more than +max_jump+, or
  # is outside the time range of the layout.
  class ClockError < ::StandardError
    include Error
  end

  # The sequence of the current tick is used up.
  class ExhaustedError < ::StandardError
    include Error
  end

  # The store cannot be relied on, or does not yet allow IDs this late.
  class StoreError < ::StandardError
    include Error
  end

  # The generator has been closed.
  class ClosedError < ::StandardError
    include Error
  end

  # Makes errors from the codes of the library.
  # @api private
  module Errors # :nodoc:
    class << self
      # The error for a code, with its message.
      def make(code, detail, wait_ns = 0)
        error = new_error(code, detail)
        error.instance_variable_set(:@code, code)
        error.instance_variable_set(:@wait_ns, wait_ns)
        error
      end

      private

      def new_error(code, detail)
        return class_of(code).new(detail) if code <= Native::E_INVALID

        ::SystemCallError.new(detail, -code).extend(Error)
      end

      def class_of(code)
        case code
        when Native::E_RANGE, Native::E_OVERFLOW then RangeError
        when Native::E_CLOCK, Native::E_EPOCH, Native::E_ENDED then ClockError
        when Native::E_EXHAUSTED then ExhaustedError
        when Native::E_STORE, Native::E_LIMIT then StoreError
        when Native::E_CLOSED then ClosedError
        else ArgumentError
        end
      end
    end
  end
  private_constant :Errors
end
