# frozen_string_literal: true

# SPDX-License-Identifier: MIT

require "minitest"
require "snowid"

# Prints a line for each test. A skipped test counts as failed.
class Lines < Minitest::AbstractReporter
  def initialize
    super
    @failed = false
    @count = 0
  end

  def record(result)
    @count += 1
    @failed ||= !result.passed?
    name = "#{result.class_name}: #{result.name.delete_prefix('test_')}"
    puts "#{result.passed? ? 'ok' : 'not ok'} - #{name}"
    puts result.failures.join("\n") unless result.passed?
  end

  def passed?
    !@failed && @count.positive?
  end
end

# The base class of all tests.
class Test < Minitest::Test
  START = "2024-01-03T19:30:00Z"
  WIDE = "time:41,worker:1,sequence:22;epoch=2021-01-01"

  # A generator on a manual clock, which is at START plus a second and stands still.
  def generator_on_manual_clock(kind = "snowflake", **options)
    options = { worker: 1, **options } unless kind.start_with?("u")
    @clock = Snowid::ManualClock.new(START)
    ids = Snowid::Generator.new(kind, clock: @clock, **options)
    @clock.advance(1)
    ids
  end
end

Minitest.singleton_class.prepend(Module.new { def plugin_pride_init(_) = nil })
ARGV.each { |path| require File.expand_path(path) }
reporter = Lines.new
Minitest.seed = Random.new_seed & 0xffff
srand(Minitest.seed)
Minitest.__run(reporter, { seed: Minitest.seed })
exit(reporter.passed?)
