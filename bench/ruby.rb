# frozen_string_literal: true

# SPDX-License-Identifier: MIT
#
# What the Ruby library costs, in ns and as ratios to SecureRandom.uuid and to the same call in C, in one
# run. ruby.rb NEXT: NEXT is the program of bench/next.c.
#
# Every figure is a median over rounds, in which all measures take turns. What each makes is checked,
# outside of what is timed.

require "securerandom"
require "snowid"

ROUNDS = 31
COUNT = 10_000
LAYOUT = "time:41,sequence:22;epoch=2024-01-01" # not spent by a loop that does nothing else

ids = Snowid::Generator.new(LAYOUT)
ulids = Snowid::Generator.new("ulid")

def nanoseconds
  start = Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
  yield
  (Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond) - start).fdiv(COUNT)
end

def loop_of
  nanoseconds do
    i = 0
    while i < COUNT
      yield
      i += 1
    end
  end
end

in_c = -> { IO.popen([ARGV.fetch(0)], &:read).then { |text| Float(text) } }
measures = {
  "next in C" => in_c,
  "SecureRandom.uuid" => -> { loop_of { SecureRandom.uuid } },
  "next" => -> { loop_of { ids.next } },
  "each, an ID" => -> { nanoseconds { ids.each.with_index(1) { |_, i| break if i == COUNT } } },
  "batch(10_000), an ID" => -> { nanoseconds { ids.batch(COUNT) } },
  "ULID, next" => -> { loop_of { ulids.next } },
  "ULID, next.to_s" => -> { loop_of { ulids.next.to_s } },
  "ULID.new.to_s" => -> { loop_of { Snowid::ULID.new.to_s } }
}

made = Array.new(COUNT) { ids.next } + ids.batch(COUNT)
abort "the IDs do not increase" unless made.each_cons(2).all? { |a, b| a < b }
abort "the IDs are not of now" unless (Time.now - ids.layout.time(made.last)).abs < 1
texts = Array.new(COUNT) { ulids.next.to_s } + Array.new(COUNT) { Snowid::ULID.new.to_s }
abort "a ULID comes twice" unless texts.uniq.size == texts.size

GC.disable if ENV["BENCH_GC"] == "off"
figures = measures.transform_values { [] }
ROUNDS.times { measures.each { |name, measure| figures[name] << measure.call } }
medians = figures.transform_values { |list| list.sort[list.size / 2] }

puts Kernel.format("%-24s %10s %22s %14s", "RUBY", "NS", "SecureRandom.uuid / IT", "IT / next IN C")
medians.each do |name, ns|
  puts Kernel.format("%-24s %10.1f %22.1f %14.2f", name, ns, medians["SecureRandom.uuid"] / ns, ns / medians["next in C"])
end
