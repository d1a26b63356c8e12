# frozen_string_literal: true

# SPDX-License-Identifier: MIT
#
# Runs the cases of tests/conformance on the Ruby library. See README there.

require "json"
require "snowid"

# The actions that cases name in "do". Each returns its answers by their keys.
module Actions
  module_function

  WIDE = { "ulid" => Snowid::ULID, "uuid" => Snowid::UUID }.freeze

  def id_class_of(kind)
    WIDE[kind[0, 4]]
  end

  def parse_id(kind, text)
    id_class_of(kind) ? id_class_of(kind).parse(text) : Snowid.parse_id(text)
  end

  def id_at_boundary(which, kind, instant)
    case kind
    when "ulid" then Snowid::ULID.public_send(which, instant)
    when /\Auuid(.)/
      Snowid::UUID.public_send(which, instant, version: Integer(Regexp.last_match(1)))
    else Snowid::Layout.new(kind).public_send(which, instant)
    end
  end

  def parse_numbers(fields)
    fields.to_h { |name, value| [name.to_sym, Integer(value, 10)] }
  end

  # The time of an instant or an ID as text; nil if it has none, or one that cannot be written.
  def time_text
    yield&.then { |time| Snowid.format_time(time) }
  rescue Snowid::Error
    nil
  end

  def parse(form:, text:, **)
    return { bytes: WIDE[form].parse(text).bytes.unpack1("H*") } if WIDE[form]

    { id: Snowid.parse_id(text, form).to_s }
  end

  def format(form:, id: nil, bytes: nil, **)
    return { text: Snowid.format_id(Integer(id, 10), form) } if id

    { text: WIDE[form].from_bytes([bytes].pack("H*")).to_s }
  end

  def decode(kind:, id:, **)
    found = parse_id(kind, id)
    return describe_id(found) if id_class_of(kind)

    held = Snowid::Layout.new(kind).decode(found)
    { time: time_text { held[:time] }, unix_ms: held[:unix_ms],
      fields: held.transform_keys(&:to_s).transform_values(&:to_s) }
  end

  def describe_id(id)
    answers = { time: time_text { id.time }, unix_ms: id.unix_ms }
    return answers unless id.is_a?(Snowid::UUID)

    answers.merge!(kind: id.kind, version: id.version, variant: id.variant.to_s)
    return answers unless [1, 6].include?(id.version)

    answers.merge(fields: { "node" => id.node.to_s, "clock_seq" => id.clock_seq.to_s })
  end

  def encode(kind:, time:, fields:, **)
    fields = parse_numbers(fields)
    return { id: Snowid::Layout.new(kind).encode(time, **fields).to_s } unless id_class_of(kind)

    id = id_at_boundary(:first_at, kind, time)
    { id: (fields.empty? ? id : id.with(**fields)).to_s }
  end

  def range(kind:, period: nil, from: nil, before: nil, to: nil, **)
    ids = case kind
          when "ulid" then range_of(Snowid::ULID, period, from, before, to)
          when /\Auuid(.)/
            range_of(Snowid::UUID, period, from, before, to, version: Integer(Regexp.last_match(1)))
          else range_of(Snowid::Layout.new(kind), period, from, before, to)
          end
    { first: ids.begin.to_s, last: ids.end.to_s }
  end

  def range_of(object, period, from, before, to, **version)
    return object.range(period, **version) if period
    return object.range(from..to, **version) if to

    object.range(from, before, **version)
  end

  def instant(text:, **)
    { time: Snowid.format_time(text) }
  end

  def seconds(number:, **)
    { time: Snowid.format_time(number) }
  end

  # Users give spans, and never get one parsed.
  def span(text:, **)
    { ns: Snowid.const_get(:Native).span_parse(text).to_s }
  end

  def name(version:, namespace:, text:, **)
    { id: Snowid.public_send("uuid#{version}", namespace, text).to_s }
  end

  def mask(key:, id:, kind: nil, **)
    mask = Snowid::Mask.new(key, kind)
    answers = { masked: mask.apply(id).to_s, text: mask.format(id) }
    expect_equal("reverted", [mask.revert(answers[:masked]), mask.parse(answers[:text])],
                 [Integer(id, 10)] * 2)
    answers
  end

  def layout(kind:, **)
    layout = Snowid::Layout.new(kind)
    { bits: layout.bits, spec: layout.to_s,
      ids_per_tick: layout.ids_per_tick.to_s, nodes: layout.nodes.to_s,
      first: Snowid.format_time(layout.first_time), last: Snowid.format_time(layout.last_time),
      signed_until: time_text { layout.fits_until(63) },
      javascript_until: time_text { layout.fits_until(53) } }
  end

  def order(kind:, ids:, **)
    { ids: ids.sort_by { |text| parse_id(kind, text) } }
  end

  def generate(kind:, fields:, settings:, count:, clock:, **)
    manual = Snowid::ManualClock.new(clock.first[:at])
    settings = settings.transform_keys(&:to_sym)
    ids = Snowid::Generator.new(kind, fields: parse_numbers(fields), clock: manual, **settings)
    last = nil
    clock.each do |instant|
      manual.set(instant[:at])
      made = draw_ids(ids, count, instant)
      check_new_ids(ids, made, instant)
      [last, *made].compact.each_cons(2) do |a, b|
        raise "#{b} is not above #{a}" unless kind == "uuid1" || a < b
      end
      last = made.last || last
    end
    {}
  end

  def draw_ids(ids, count, instant)
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

  def check_new_ids(ids, made, instant)
    expect_equal("ids", made.map(&:to_s), instant[:ids]) if instant[:ids]
    layout = ids.layout
    times = made.map { |id| Snowid.format_time(layout ? layout.time(id) : id.time) }
    expect_equal("times", times, instant[:times]) if instant[:times]
    instant.fetch(:fields, {}).each do |name, value|
      made.each { |id| expect_equal(name, id.public_send(name).to_s, value) }
    end
  end

  def expect_equal(what, got, want)
    raise "#{what} is #{got.inspect}, not #{want.inspect}" unless got == want
  end
end

# Runs one case after the other.
module Runner
  module_function

  def expect_error(found, error:, says:, **)
    code = Snowid.const_get("E_#{error}")
    raise "the error is #{found.code}, not #{code}: #{found.message}" unless found.code == code
    raise "#{says.inspect} is not in #{found.message.inspect}" unless found.message.include?(says)
  end

  def run_case(test)
    answers = begin
      Actions.public_send(test[:do], **test)
    rescue Snowid::Error => e
      raise unless test[:error]

      return expect_error(e, **test)
    end
    raise "no error" if test[:error]

    test.fetch(:expect, {}).each { |key, want| compare_answer(key, answers[key], want) }
  end

  # Of fields, only those that the case expects are compared.
  def compare_answer(key, got, want)
    return Actions.expect_equal(key, got, want) unless want.is_a?(Hash)

    want.each { |name, value| compare_answer(name, got[name.to_s], value) }
  end

  def main
    failed = 0
    Dir["#{ENV.fetch('top_srcdir')}/tests/conformance/*.json"].sort.each do |path|
      JSON.parse(File.read(path), symbolize_names: true)[:cases].each do |test|
        name = "#{File.basename(path)}: #{test[:do]}: #{test[:name]}"
        run_case(test)
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
