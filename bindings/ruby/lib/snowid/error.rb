# frozen_string_literal: true

# SPDX-License-Identifier: MIT

module Snowid
  # What all errors of snowid have in common. It is a module, so that an error is also what Ruby calls
  # it: `rescue Snowid::Error` gets all, `rescue ArgumentError` those of an argument.
  module Error
    # The number of the error in C: one of Snowid::E_*, or a negative errno.
    #
    # @return [Integer]
    attr_reader :code

    # After how many nanoseconds it is worth trying again; 0 where that would not help or is not known.
    #
    # @return [Integer]
    attr_reader :wait_ns

    # What Generator#batch had made when it failed.
    #
    # @return [Array, nil]
    attr_reader :partial

    # The error for a code of the library.
    # @api private
    def self.make(code, detail, wait_ns = 0) # :nodoc:
      ours = code <= Native::E_INVALID
      error = ours ? class_of(code).new(detail) : ::SystemCallError.new(detail, -code).extend(Error)
      error.instance_variable_set(:@code, code)
      error.instance_variable_set(:@wait_ns, wait_ns)
      error
    end

    # The class of the errors of a code.
    # @api private
    def self.class_of(code) # :nodoc:
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

  # An argument makes no sense, is out of range, malformed or unknown.
  module InvalidError
    include Error
  end

  # An InvalidError; also one of Ruby's.
  class ArgumentError < ::ArgumentError
    include InvalidError
  end

  # An InvalidError: a number is negative or too large; also one of Ruby's.
  class RangeError < ::RangeError
    include InvalidError
  end

  # The clock is behind what has been issued, or outside of what the layout can hold.
  class ClockError < ::StandardError
    include Error
  end

  # The sequence of the current tick is spent.
  class ExhaustedError < ::StandardError
    include Error
  end

  # The store cannot be relied on, or has not allowed IDs this late yet.
  class StoreError < ::StandardError
    include Error
  end

  # The generator has been closed.
  class ClosedError < ::StandardError
    include Error
  end
end
