# frozen_string_literal: true

# SPDX-License-Identifier: MIT
#
# Runs tests/conformance on the Ruby library. See README there.

require "json"
require "snowid"

# What each word of "do" does: the answers by their keys.
module Actions
  module_function

  WIDE = { "ulid" => Snowid::ULID, "uuid" => Snowid::UUID }.freeze

  def class_of(kind)
    WIDE[kind[0, 4]]
  end

  def read(kind, text)
    class_of(kind) ? class_of(kind).parse(text) : Snowid.parse_id(text)
  end

  def at(which, kind, instant)
    case kind
    when "ulid" then Snowid::ULID.public_send(which, instant)
    when /\Auuid(.)/ then Snowid::UUID.public_send(which, instant, Integer(Regexp.last_match(1)))
    else Snowid::Layout.new(kind).public_send(which, instant)
    end
  end

  def numbers(fields)
    fields.to_h { |name, value| [name.to_sym, Integer(value, 10)] }
  end

  # The time of an instant or an ID; nil where it has none, or one that cannot be written.
  def text_of
    yield&.then { |time| Snowid.format_time(time) }
  rescue Snowid::Error
    nil
  end

  def parse(form:, text:, **)
    return { bytes: WIDE[form].parse(text).bytes.unpack1("H*") } if WIDE[form]

    { id: Snowid.parse_id(text, form).to_s }
  end

  def format(form:, id: nil, bytes: nil, **)
    { text: id ? Snowid.format_id(Integer(id, 10), form) : WIDE[form].from_bytes([bytes].pack("H*")).to_s }
  end

  def decode(kind:, id:, **)
    found = read(kind, id)
    return described(found) if class_of(kind)

    held = Snowid::Layout.new(kind).decode(found)
    { time: Snowid.format_time(held[:time]), unix_ms: held[:unix_ms],
      fields: held.transform_keys(&:to_s).transform_values(&:to_s) }
  end

  def described(id)
    answers = { time: text_of { id.time }, unix_ms: id.unix_ms }
    return answers unless id.is_a?(Snowid::UUID)

    answers.merge!(version: id.version, variant: id.variant.to_s)
    answers[:fields] = { "node" => id.node.to_s, "clock_seq" => id.clock_seq.to_s } if [1, 6].include?(id.version)
    answers
  end

  def encode(kind:, time:, fields:, **)
    return { id: Snowid::Layout.new(kind).encode(time, **numbers(fields)).to_s } unless class_of(kind)

    id = at(:first_at, kind, time)
    { id: (fields.empty? ? id : id.with(**numbers(fields))).to_s }
  end

  def range(kind:, from:, to:, **)
    { first: at(:first_at, kind, from).to_s, last: at(:last_at, kind, to).to_s }
  end

  def layout(kind:, **)
    layout = Snowid::Layout.new(kind)
    { bits: layout.bits, ids_per_tick: layout.ids_per_tick.to_s, nodes: layout.nodes.to_s, spec: layout.to_s,
      first: Snowid.format_time(layout.first_time), last: Snowid.format_time(layout.last_time),
      signed_until: text_of { layout.fits_until(63) }, javascript_until: text_of { layout.fits_until(53) } }
  end

  def order(kind:, ids:, **)
    { ids: ids.sort_by { |text| read(kind, text) } }
  end

  def generate(kind:, fields:, settings:, count:, clock:, **)
    manual = Snowid::ManualClock.new(clock.first[:at])
    settings = settings.transform_keys(&:to_sym)
    ids = Snowid::Generator.new(kind, fields: numbers(fields), clock: manual, **settings)
    last = nil
    clock.each do |instant|
      manual.set(instant[:at])
      made = take(ids, count, instant)
      check_made(ids, made, instant)
      [last, *made].compact.each_cons(2) { |a, b| kind == "uuid1" || a < b or raise "#{b} is not above #{a}" }
      last = made.last || last
    end
    {}
  end

  def take(ids, count, instant)
    made = []
    begin
      count.times { made << ids.next }
    rescue Snowid::Error => e
      raise unless instant[:error]

      Runner.expect_error(e, **instant)
    else
      raise "no error" if instant[:error]
    end
    made
  end

  def check_made(ids, made, instant)
    same("ids", made.map(&:to_s), instant[:ids]) if instant[:ids]
    layout = ids.layout
    times = made.map { |id| Snowid.format_time(layout ? layout.time(id) : id.time) }
    same("times", times, instant[:times]) if instant[:times]
    instant.fetch(:fields, {}).each { |name, value| made.each { |id| same(name, id.public_send(name).to_s, value) } }
  end

  def same(what, got, want)
    raise "#{what} is #{got.inspect}, not #{want.inspect}" unless got == want
  end
end

# One case after the other.
module Runner
  module_function

  def expect_error(found, error:, says:, **)
    code = Snowid.const_get("E_#{error}")
    raise "the error is #{found.code}, not #{code}: #{found.message}" unless found.code == code
    raise "#{says.inspect} is not in #{found.message.inspect}" unless found.message.include?(says)
  end

  def run(test)
    answers = begin
      Actions.public_send(test[:do], **test)
    rescue Snowid::Error => e
      raise unless test[:error]

      return expect_error(e, **test)
    end
    raise "no error" if test[:error]

    test.fetch(:expect, {}).each { |key, want| compare(key, answers[key], want) }
  end

  # Of fields, those that are expected.
  def compare(key, got, want)
    return want.each { |name, value| compare(name, got[name.to_s], value) } if want.is_a?(Hash)

    Actions.same(key, got, want)
  end

  def main
    failed = 0
    Dir["#{ENV.fetch('top_srcdir')}/tests/conformance/*.json"].sort.each do |path|
      JSON.parse(File.read(path), symbolize_names: true)[:cases].each do |test|
        name = "#{File.basename(path)}: #{test[:do]}: #{test[:name]}"
        run(test)
        puts "ok - #{name}"
      rescue StandardError => e
        failed += 1
        puts "not ok - #{name}: #{e.class}: #{e.message}"
      end
    end
    exit(failed.zero?)
  end
end

Runner.main
