# frozen_string_literal: true

# SPDX-License-Identifier: MIT
#
# Measures what the Ruby library costs, in ns and as ratios to SecureRandom.uuid and to the same
# call in C. Usage: ruby.rb NEXT, where NEXT is the program of bench/next.c.
#
# Every figure is the median over rounds, each of which runs all measures in turn. The IDs are
# checked outside of the measured time.

require "securerandom"
require "snowid"

ROUNDS = 31
COUNT = 10_000
LAYOUT = "time:41,sequence:22;epoch=2024-01-01" # has more IDs per tick than a loop can make

ids = Snowid::Generator.new(LAYOUT)
ulids = Snowid::Generator.new("ulid")

def nanoseconds
  start = Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
  yield
  (Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond) - start).fdiv(COUNT)
end

def nanoseconds_of_loop
  nanoseconds do
    i = 0
    while i < COUNT
      yield
      i += 1
    end
  end
end

next_in_c = -> { IO.popen([ARGV.fetch(0)], &:read).then { |text| Float(text) } }
measures = {
  "next in C" => next_in_c,
  "SecureRandom.uuid" => -> { nanoseconds_of_loop { SecureRandom.uuid } },
  "next" => -> { nanoseconds_of_loop { ids.next } },
  "each, an ID" => -> { nanoseconds { ids.each.with_index(1) { |_, i| break if i == COUNT } } },
  "batch(10_000), an ID" => -> { nanoseconds { ids.batch(COUNT) } },
  "ULID, next" => -> { nanoseconds_of_loop { ulids.next } },
  "ULID, next.to_s" => -> { nanoseconds_of_loop { ulids.next.to_s } },
  "ULID.new.to_s" => -> { nanoseconds_of_loop { Snowid::ULID.new.to_s } }
}

made = Array.new(COUNT) { ids.next } + ids.batch(COUNT)
abort "the IDs do not increase" unless made.each_cons(2).all? { |a, b| a < b }
age = Time.now - ids.layout.time(made.last)
abort "the time of the IDs is not the current time" unless age.abs < 1
texts = Array.new(COUNT) { ulids.next.to_s } + Array.new(COUNT) { Snowid::ULID.new.to_s }
abort "a ULID was made twice" unless texts.uniq.size == texts.size

GC.disable if ENV["BENCH_GC"] == "off"
figures = measures.transform_values { [] }
ROUNDS.times { measures.each { |name, measure| figures[name] << measure.call } }
medians = figures.transform_values { |list| list.sort[list.size / 2] }

puts Kernel.format("%-24s %10s %22s %14s", "RUBY", "NS", "SecureRandom.uuid / IT", "IT / next IN C")
medians.each do |name, ns|
  faster = medians["SecureRandom.uuid"] / ns
  puts Kernel.format("%-24s %10.1f %22.1f %14.2f", name, ns, faster, ns / medians["next in C"])
end
