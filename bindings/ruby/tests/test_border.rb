# frozen_string_literal: true

# SPDX-License-Identifier: MIT

# Arguments that SWIG would accept: wrong types, numbers out of range, missing objects.
class BorderTest < Test
  NATIVE = Snowid.const_get(:Native) # private to the library

  # Wrapped by hand in objects.c.
  DRAWING = %w[
    generator_next generator_next_for generator_try_next generator_next_batch
    generator_next128 generator_next128_for generator_try_next128 generator_next128_batch
  ].freeze
  # Not wrapped: see bindings/snowid.i. Errors contain the detail, and the garbage collector frees.
  # generator_new takes a timeout too, and generator_open is for C.
  NOT_WRAPPED = %w[
    clock_new config_set_interrupt generator_new_for generator_open id128_compare
    store_inspect store_adopt store_reset store_free_worker
    store_info_at store_info_count store_info_free
    error_detail layout_free clock_free config_free generator_free mask_free
  ].freeze

  def wrapped?(name)
    object, method = name.split("_", 2)
    return true if NATIVE.respond_to?(name)

    %w[layout clock config generator mask].include?(object) &&
      NATIVE.const_get(object.capitalize).method_defined?(method)
  end

  def test_every_function_is_wrapped
    symbols = File.read("#{ENV.fetch('top_srcdir')}/libsnowid/libsnowid.sym")
    names = symbols.scan(/^\s*snowid_(\w+);/).flatten
    assert_operator names.size, :>, 60
    assert_empty(names.reject { |name| wrapped?(name) } - DRAWING - NOT_WRAPPED)
    assert_empty (DRAWING + NOT_WRAPPED) - names
  end

  def setting?(name)
    NATIVE.config_new.get(name)
  rescue Snowid::Error
    false
  end

  def test_every_setting_is_a_parameter
    error = assert_raises(Snowid::Error) { NATIVE.config_new.set("nothing", "") }
    settings = error.message.scan(/[a-z_]+/).uniq.select { |word| setting?(word) }
    assert_operator settings.size, :>, 9
    parameters = Snowid::Generator.instance_method(:initialize).parameters
    parameters = parameters.map { |_, name| name.to_s }
    assert_equal settings.sort, (parameters - %w[fields open_timeout clock more]).sort
  end

  def test_what_users_do_not_need_is_private
    assert_equal %i[format_id format_time parse_id parse_time ulid uuid3 uuid4 uuid5 uuid7 uuid8],
                 Snowid.singleton_methods(false).sort
    assert_empty Snowid.constants & %i[Convert Errors ID128 Native]
    assert_empty Snowid::Error.singleton_methods(false)
  end

  def layout
    Snowid::Layout.new("instagram")
  end

  def test_64_bits_are_exact
    [0, 1, (2**53) + 1, 2**62, (2**63) - 1, 2**63, (2**64) - 1].each do |id|
      assert_equal id, Snowid.parse_id(Snowid.format_id(id))
      assert_equal id & 1023, layout.field(id, :sequence)
      shard = layout.field(id, :shard)
      assert_equal id, layout.encode(layout.time(id), shard: shard, sequence: id & 1023)
    end
  end

  def test_negative_and_huge_numbers_raise_range_errors
    ids = generator_on_manual_clock
    [-1, 2**64, -(2**63), 2**70, -(2**70)].each do |number|
      [-> { layout.encode(START, shard: number) }, -> { Snowid::Generator.new(worker: number) },
       -> { ids.batch(number) },
       -> { Snowid::UUID.first_at(START, version: number) }].each do |call|
        assert_range_error(number, &call)
      end
    end
  end

  # An ID of a signed column may be negative.
  def test_ids_beyond_64_bits_raise_range_errors
    [2**64, 2**70, -(2**63) - 1, -(2**70)].each do |number|
      [-> { Snowid.format_id(number) }, -> { layout.decode(number) }, -> { layout.time(number) },
       -> { layout.time_ms(number) }, -> { layout.field(number, :shard) }].each do |call|
        assert_range_error(number, &call)
      end
    end
  end

  def assert_range_error(number, &call)
    error = assert_raises(RangeError, &call)
    assert_kind_of Snowid::InvalidError, error
    assert_equal Snowid::E_RANGE, error.code
    assert_includes error.message, number.to_s
  end

  def test_non_integers_raise_type_errors
    ids = generator_on_manual_clock
    [1.0, -1.5, nil, :worker, [], Rational(1), Object.new].each do |value|
      assert_raises(TypeError) { Snowid.format_id(value) }
      assert_raises(TypeError) { layout.decode(value) }
      assert_raises(TypeError) { layout.field(value, :shard) }
    end
    [1.0, 1.5, "12", nil, :worker, [], Rational(1), Object.new].each do |value|
      assert_raises(TypeError) { Snowid::Generator.new(worker: value) }
      assert_raises(TypeError) { ids.batch(value) }
      assert_raises(TypeError) { Snowid::UUID.from_i(value) }
    end
  end

  def test_errors_name_the_field
    assert_equal "worker must be an Integer, not String",
                 assert_raises(TypeError) { Snowid::Generator.new(worker: "1") }.message
    error = assert_raises(RangeError) { layout.encode(START, shard: -1) }
    assert_match(/\Ashard must be/, error.message)
  end

  def test_non_strings_raise_type_errors
    [nil, 5, [], Object.new].each do |value|
      assert_raises(TypeError) { Snowid::ULID.from_bytes(value) }
      assert_raises(TypeError) { Snowid.parse_id(value) }
      assert_raises(TypeError) { Snowid::ULID.parse(value) }
      assert_raises(TypeError) { Snowid::UUID.parse(value) }
      assert_raises(TypeError) { Snowid.parse_time(value) }
    end
  end

  def test_text_with_zeros_or_invalid_utf8_is_refused
    assert_raises(Snowid::InvalidError) { Snowid.parse_id("1\0") }
    assert_raises(ArgumentError) { Snowid::Layout.new("snowflake\0") }
    assert_raises(ArgumentError) { Snowid::Generator.new(worker: 1, store: "memory:\0") }
    assert_raises(Snowid::InvalidError) { Snowid.parse_id("\xff" * 10) }
    assert_raises(Snowid::InvalidError) { Snowid::ULID.parse("é" * 13) }
    assert_raises(Snowid::InvalidError) { Snowid::Layout.new("time:41,#{'x' * 100_000}:5") }
  end

  def test_only_handles_are_accepted_as_handles
    config = NATIVE.config_new
    assert_raises(TypeError) { NATIVE.generator_new(nil) }
    assert_raises(TypeError) { NATIVE.generator_new(Object.new) }
    assert_raises(TypeError) { NATIVE.generator_new(layout) }
    assert_raises(TypeError) { config.set_clock(nil) }
    assert_raises(TypeError) { config.set_clock(config) }
    assert_raises(TypeError) { Snowid::Generator.new(worker: 1, clock: Object.new) }
    next_of = Snowid::Generator.instance_method(:next)
    assert_raises(TypeError) { next_of.bind_call(Object.new) }
    assert_raises(TypeError) { next_of.bind_call(nil) }
  end

  def test_uninitialized_objects_raise_type_errors
    [Snowid::Generator, Snowid::Layout, Snowid::ManualClock].each do |class_|
      object = class_.allocate
      error = assert_raises(TypeError) { object.respond_to?(:next) ? object.next : object.inspect }
      assert_includes error.message, "uninitialized"
    end
  end

  def test_masks_refuse_wrong_keys_and_ids
    key = "0123456789abcdef"
    [nil, 5, key.to_sym].each { |value| assert_raises(TypeError) { Snowid::Mask.new(value) } }
    [key * 3, "#{key}0", key * 2 + "0", "é" * 16].each do |value|
      error = assert_raises(Snowid::InvalidError) { Snowid::Mask.new(value) }
      refute_includes error.message, value[0, 4]
    end
    assert_raises(Snowid::InvalidError) { Snowid::Mask.new(key, "frob") }
    assert_raises(RangeError) { Snowid::Mask.new(key, "time:16") }
    mask = Snowid::Mask.new(key, "snowflake")
    [2**63, -1, 2**64].each { |id| assert_raises(RangeError) { mask.apply(id) } }
    [1.0, nil, []].each { |id| assert_raises(TypeError) { mask.apply(id) } }
    assert_raises(Snowid::InvalidError) { mask.parse("0") }
    assert_raises(TypeError) { mask.parse(5) }
    assert_raises(TypeError) { Snowid::Mask.allocate.apply(1) }
    [mask.method(:dup), mask.method(:clone), -> { Marshal.dump(mask) }].each do |call|
      assert_raises(TypeError, &call)
    end
    assert_equal "#<Snowid::Mask>", mask.inspect
  end

  def test_uninitialized_values_raise_type_errors
    [Snowid::ULID, Snowid::UUID].each do |class_|
      none = class_.allocate
      assert_raises(TypeError) { none.to_s }
      assert_raises(TypeError) { none.time }
      refute_equal none, class_.new
      assert_nil class_.new <=> none
    end
  end

  def test_subclass_without_super_raises_type_error
    class_ = Class.new(Snowid::Generator) { def initialize; end }
    assert_raises(TypeError) { class_.new.next }
  end

  def test_objects_cannot_be_copied_or_initialized_twice
    [generator_on_manual_clock, @clock].each do |object|
      assert_raises(TypeError) { object.dup }
      assert_raises(TypeError) { object.clone }
      assert_raises(TypeError) { Marshal.dump(object) }
    end
    ids = generator_on_manual_clock
    assert_raises(TypeError, FrozenError) { ids.send(:initialize, "snowflake", worker: 2) }
    ids.next
  end

  def test_invalid_instants_and_spans
    [nil, [], {}, :now].each { |value| assert_raises(TypeError) { layout.first_at(value) } }
    [Float::NAN, Float::INFINITY, 1e300, -1e300].each do |value|
      assert_raises(RangeError) { layout.first_at(value) }
      assert_raises(RangeError) { Snowid::ManualClock.new(START).step(value) }
      assert_raises(RangeError) { Snowid::ManualClock.new(START).advance(value) }
    end
    [Float::NAN, 1e300, -0.001, -1, -1r].each do |value|
      assert_raises(RangeError) { generator_on_manual_clock.next(timeout: value) }
      assert_raises(RangeError) { Snowid::Generator.new(worker: 1, open_timeout: value) }
      assert_raises(RangeError) { Snowid::Generator.new(worker: 1, hold: value) }
    end
    [[], :now, Complex(1, 1)].each do |value|
      assert_raises(TypeError) { generator_on_manual_clock.next(timeout: value) }
      assert_raises(TypeError) { Snowid::ManualClock.new(START).step(value) }
    end
    assert_raises(Snowid::InvalidError) { Snowid::Generator.new(worker: 1, hold: "5") }
    assert_raises(Snowid::InvalidError) { generator_on_manual_clock.next(timeout: "5") }
  end

  def test_a_wrong_unit_is_no_other_year
    [1_704_310_200_000, 1_704_310_200_000.0, 1_704_310_200_000r].each do |milliseconds|
      error = assert_raises(RangeError) { Snowid.format_time(milliseconds) }
      assert_includes error.message, "as milliseconds it would be in 2024"
    end
    error = assert_raises(Snowid::InvalidError) { Snowid.parse_time("1704310200") }
    assert_includes error.message, "@1704310200"
  end

  def test_invalid_ranges
    [nil, 5, Time.now, :a, Object.new].each do |value|
      assert_raises(TypeError) { layout.range(value) }
      assert_raises(TypeError) { Snowid::ULID.range(value) }
    end
    assert_raises(TypeError) { layout.range(START, :a) }
    assert_raises(TypeError) { layout.range(START..START, START) }
    assert_raises(RangeError) { layout.range("2024-02", "2024-01") }
    assert_raises(RangeError) { layout.range("2024-03".."2024-01") }
    assert_raises(RangeError) { layout.range("2000-01") }
    assert_raises(Snowid::InvalidError) { Snowid::UUID.range("2024-01", version: 1) }
    error = assert_raises(Snowid::InvalidError) { Snowid::UUID.range(6, "2024-01") }
    assert_includes error.message, "version: 6"
  end

  def test_wrong_arguments
    ids = generator_on_manual_clock
    assert_raises(ArgumentError) { ids.next(1) }
    assert_raises(ArgumentError) { ids.next(frob: 1) }
    assert_raises(ArgumentError) { ids.batch }
    assert_raises(ArgumentError) { ids.batch(1, 2) }
    assert_raises(Snowid::InvalidError) { Snowid::Generator.new(frob: 1) }
    error = assert_raises(Snowid::InvalidError) { Snowid::Generator.new(worker: 1, timout: "1s") }
    assert_includes error.message, "did you mean timeout?"
    error = assert_raises(Snowid::InvalidError) { Snowid::Generator.new(wroker: 1) }
    assert_includes error.message, "did you mean worker?"
    assert_raises(Snowid::InvalidError) { Snowid::Generator.new(worker: 1, sequence: 1) }
  end
end
