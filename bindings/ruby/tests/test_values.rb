# frozen_string_literal: true

# SPDX-License-Identifier: MIT

require "date"
require "json"

# Layouts, ULIDs, UUIDs, text forms and times. Expected values are from tests/vectors or computed.
class ValuesTest < Test
  TWEET = 1_541_815_603_606_036_480

  def test_a_layout_decodes
    parts = Snowid::Layout.new("twitter").decode(TWEET)
    expected = { id: TWEET, time: Time.utc(2022, 6, 28, 16, 7, 40, 105_000),
                 unix_ms: 1_656_432_460_105, datacenter: 11, worker: 26, sequence: 0 }
    assert_equal(expected, parts)
    assert_predicate parts[:time], :utc?
  end

  def test_a_layout_encodes
    twitter = Snowid::Layout.new(:twitter)
    time = Time.new(2022, 6, 28, 18, 7, 40.105r, "+02:00")
    assert_equal TWEET, twitter.encode(time, datacenter: 11, worker: 26)
    assert_equal TWEET, twitter.encode(1_656_432_460.105r, datacenter: 11, worker: 26)
    assert_equal TWEET, twitter.encode("2022-06-28T16:07:40.105Z", datacenter: 11, worker: 26)
    assert_raises(Snowid::InvalidError) { twitter.encode(time, worker: 32) }
    assert_raises(Snowid::InvalidError) { twitter.encode(time, frob: 1) }
    assert_raises(RangeError) { twitter.encode(Time.utc(2000)) }
  end

  def test_ids_as_text_and_of_a_signed_column
    layout = Snowid::Layout.new("instagram")
    id = (2**64) - 5
    [id, -5, id.to_s].each do |same|
      assert_equal layout.decode(id), layout.decode(same)
      assert_equal layout.time(id), layout.time(same)
      assert_equal layout.time_ms(id), layout.time_ms(same)
      assert_equal 1019, layout.field(same, :sequence)
      assert_equal id.to_s, Snowid.format_id(same)
    end
    assert_equal id, layout.decode(-5)[:id]
    assert_raises(Snowid::InvalidError) { layout.decode("0x5") }
    error = assert_raises(Snowid::RangeError) { layout.decode(-(2**63) - 1) }
    assert_includes error.message, "below -2^63"
  end

  # All milliseconds of a few seconds, as a Float and as a Time made of a Float.
  def test_seconds_as_a_float_are_exact
    %w[1us 1ms 10ms 1s].each do |unit|
      layout = Snowid::Layout.new("time:52,worker:4,sequence:8;epoch=2020-01-01;unit=#{unit}")
      [1_577_836_800, 1_704_310_200, 1_792_000_000, 4_102_444_799].each do |second|
        1000.times do |ms|
          time = Rational((second * 1000) + ms, 1000)
          id = layout.encode(time, worker: 3, sequence: 200)
          [time.to_f, Time.at(time.to_f)].each do |inexact|
            assert_equal id, layout.encode(inexact, worker: 3, sequence: 200)
            assert_includes layout.first_at(inexact)..layout.last_at(inexact), id
          end
          assert_equal id, layout.encode(layout.time(id), worker: 3, sequence: 200)
          assert_equal id, layout.encode(layout.time(id).to_f, worker: 3, sequence: 200)
        end
      end
    end
  end

  def test_microseconds_as_a_float_are_exact
    layout = Snowid::Layout.new("time:52,sequence:12;epoch=2020-01-01;unit=1us")
    1000.times do |us|
      time = Rational(1_704_310_200_123_000 + us, 1_000_000)
      assert_equal layout.first_at(time), layout.first_at(time.to_f)
      assert_equal time, Time.at(layout.time(layout.first_at(Time.at(time.to_f)))).to_r
    end
  end

  def test_the_capacity_of_a_layout
    layout = Snowid::Layout.new("twitter")
    assert_equal [63, 1_000_000, 4096, 1024, (2**41) - 1],
                 [layout.bits, layout.unit_ns, layout.ids_per_tick, layout.nodes, layout.last_tick]
    assert_equal Time.at(1_288_834_974.657r), layout.first_time
    assert_equal Time.at(1_288_834_974.657r + (((2**41) - 1) / 1000r)), layout.last_time
    assert_equal layout.last_time, layout.fits_until(63)
    assert_raises(RangeError) { Snowid::Layout.new("time:8,node:56").fits_until(53) }
    assert_equal [[:time, 41, 22], [:datacenter, 5, 17], [:worker, 5, 12], [:sequence, 12, 0]],
                 layout.fields.map(&:to_a)
    assert_equal "time:41,datacenter:5,worker:5,sequence:12;" \
                 "epoch=2010-11-04T01:42:54.657Z;unit=1ms", layout.spec
    assert_includes Snowid::Layout.presets, "sonyflake"
  end

  def test_layouts_are_values
    a = Snowid::Layout.new("twitter")
    b = Snowid::Layout.new(a.spec)
    assert_equal a, b
    assert_equal({ a => 1 }, { b => 1 })
    assert_equal a.fingerprint, b.fingerprint
    refute_equal a, Snowid::Layout.new("snowflake")
    assert_predicate a, :frozen?
    assert_equal [a, a], [a.dup, Marshal.load(Marshal.dump(a))]
  end

  # Each is January of 2024.
  def test_a_range_of_ids
    layout = Snowid::Layout.new("discord")
    [["2024-01"], ["2024-01-01", "2024-02-01"], ["2024-01-01"..."2024-02-01"],
     ["2024-01-01".."2024-01-31"], ["2024-01"..."2024-02"], ["2024-01".."2024-01"],
     [Date.new(2024, 1, 1)..Date.new(2024, 1, 31)], [Date.new(2024, 1, 1), Date.new(2024, 2, 1)],
     [Time.utc(2024, 1, 1), Time.utc(2024, 2, 1)], [Time.utc(2024, 1, 1)...Time.utc(2024, 2, 1)],
     [Time.utc(2024, 1, 1)..Time.utc(2024, 1, 31, 23, 59, 59.999r)],
     [1_704_067_200, 1_706_745_600.0], [1_704_067_200...1_706_745_600r]].each do |arguments|
      assert_equal 1_191_168_914_227_200_000..1_202_402_938_060_799_999, layout.range(*arguments)
    end
  end

  def test_a_range_of_a_day_and_of_an_instant
    layout = Snowid::Layout.new("discord")
    assert_equal layout.range("2024-01-31"), layout.range(Date.new(2024, 1, 31))
    instant = Time.utc(2024, 1, 1, 0, 0, 0.0005r)
    assert_equal layout.first_at(instant)..layout.last_at(instant), layout.range(instant..instant)
    assert_empty layout.range(instant, instant).to_a
    assert_empty layout.range(instant...instant).to_a
    last = Time.utc(2024, 1, 1, 0, 0, 0.999999999r)
    assert_equal layout.last_at(last), layout.range(instant..last).last
  end

  def test_ranges_without_an_end
    layout = Snowid::Layout.new("discord")
    first, last = [0, (2**64) - 1]
    january = layout.range("2024-01")
    [["2024-01-01", nil], ["2024-01-01"..], ["2024-01-01"...nil]].each do |arguments|
      assert_equal january.begin..last, layout.range(*arguments)
    end
    [[nil, "2024-02-01"], [..."2024-02-01"], [.."2024-01-31"], [nil.."2024-01"]].each do |arguments|
      assert_equal first..january.end, layout.range(*arguments)
    end
    assert_equal first..last, layout.range(nil..)
    assert_equal first..last, layout.range(nil, nil)
  end

  # One ends where the next begins, also for a period that is shorter than a tick.
  def test_periods_that_follow_each_other_share_no_id
    layout = Snowid::Layout.new("sonyflake")
    seconds = Array.new(60) { |second| layout.range("2024-01-03T19:30:%02dZ" % second) }
    seconds.each_cons(2) { |a, b| assert_equal a.end + 1, b.begin }
    assert_equal layout.range("2024-01-03T19:30Z"), seconds.first.begin..seconds.last.end
    tick = Array.new(10) { |ms| layout.range("2024-01-03T19:30:00.00#{ms}Z") }
    assert_equal layout.range("2024-01-03T19:30:00.00Z").size, tick.sum(&:size)
  end

  def test_ranges_of_ulids_and_uuids
    ulids = Snowid::ULID.range("2024-01-01", "2024-02-01")
    assert_equal Snowid::ULID.range("2024-01"), ulids
    assert_equal Snowid::ULID.range(Date.new(2024, 1, 1)..Date.new(2024, 1, 31)), ulids
    assert_equal Snowid::ULID.first_at("2024-01-01"), ulids.begin
    assert_equal Snowid::ULID.last_at("2024-01-31T23:59:59.999Z"), ulids.end
    assert_equal Snowid::ULID::NIL, Snowid::ULID.range(nil..).begin
    [6, 7].each do |version|
      uuids = Snowid::UUID.range("2024-01", version: version)
      assert_equal Snowid::UUID.first_at("2024-01-01", version: version), uuids.begin
      assert_equal version, uuids.end.version
      assert_equal uuids, Snowid::UUID.range("2024-01".."2024-01-31", version: version)
      assert Snowid::UUID.range(Time.now - 1.., version: 7).cover?(Snowid.uuid7)
    end
  end

  # tests/vectors/ff1.tsv
  def test_masks
    digits = "000102030405060708090a0b0c0d0e0f"
    [digits, digits.upcase, [digits].pack("H*")].each do |key|
      mask = Snowid::Mask.new(key, "time:12,sequence:8")
      assert_equal [313_155, 453_093], [mask.apply(0), mask.apply("567345")]
      assert_equal 567_345, mask.revert(453_093)
      assert_equal 567_345, mask.parse(mask.format(567_345))
      assert_equal Snowid.format_id(453_093, :base58), mask.format(567_345)
      assert_predicate mask, :frozen?
    end
    mask = Snowid::Mask.new(digits)
    [0, TWEET, (2**64) - 1].each { |id| assert_equal id, mask.revert(mask.apply(id)) }
    assert_equal mask.apply((2**64) - 1), mask.apply(-1)
    layout = Snowid::Layout.new(:twitter)
    assert_equal Snowid::Mask.new(digits, layout).apply(TWEET),
                 Snowid::Mask.new(digits, :twitter).apply(TWEET)
    refute_equal mask.apply(TWEET), Snowid::Mask.new(digits, layout).apply(TWEET)
  end

  def test_spans
    clock = Snowid::ManualClock.new(0)
    clock.advance("250ms").advance(0.25).advance(1r / 2).step("1m").step(-30).step(-0.001)
    assert_equal "1970-01-01T00:00:30.999Z", Snowid.format_time(clock.now)
    clock.set(0).advance(0.1).advance(0.2)
    assert_equal Rational(3, 10), clock.now.to_r
    ids = Snowid::Generator.new("snowflake", worker: 1, hold: 0.3, borrow: 1r / 1000)
    assert_equal %w[300ms 1ms], [ids.setting(:hold), ids.setting(:borrow)]
    assert_kind_of Integer, ids.next(timeout: "1s")
    assert_kind_of Integer, ids.next(timeout: Float::INFINITY)
    assert_nil ids.close(timeout: "0")
  end

  def test_ulid
    ulid = Snowid::ULID.parse("01ARYZ6S41TSV4RRFFQ69G5FAV")
    assert_equal "01563df36481d6764c61efb99302bd5b", ulid.bytes.unpack1("H*")
    assert_equal Time.at(1_469_918_176.385r), ulid.time
    assert_equal 1_469_918_176_385, ulid.unix_ms
    assert_equal 0x01563df36481d6764c61efb99302bd5b, ulid.to_i
    assert_equal ulid, Snowid::ULID.from_i(ulid.to_i)
    assert_equal "01563df3-6481-d676-4c61-efb99302bd5b", ulid.to_uuid.to_s
    assert_equal ulid, ulid.to_uuid.to_ulid
    assert_equal "01BX5ZZKBKACTAV9WEVGEMMVS0",
                 Snowid::ULID.parse("01BX5ZZKBKACTAV9WEVGEMMVRZ").increment.to_s
    assert_raises(RangeError) { Snowid::ULID.parse("01BX5ZZKBKZZZZZZZZZZZZZZZZ").increment }
    assert_raises(RangeError) { Snowid::ULID.from_bytes("x" * 15) }
    assert_raises(RangeError) { Snowid::ULID.from_i(2**128) }
    assert_raises(RangeError) { Snowid::ULID.from_i(-1) }
  end

  def test_uuid
    uuid = Snowid::UUID.parse("C232AB00-9414-11EC-B3C8-9F6BDECED846")
    assert_equal [1, :rfc9562, 0x33c8, 0x9f6bdeced846],
                 [uuid.version, uuid.variant, uuid.clock_seq, uuid.node]
    assert_equal Time.utc(2022, 2, 22, 19, 22, 22), uuid.time
    assert_equal "1ec9414c-232a-6b00-b3c8-9f6bdeced846", uuid.to_v6.to_s
    assert_equal uuid, uuid.to_v6.to_v1
    changed = uuid.with(node: 5, clock_seq: 6)
    assert_equal [5, 6], [changed.node, changed.clock_seq]
    assert_raises(RangeError) { uuid.with(clock_seq: 16_384) }
    assert_raises(RangeError) { uuid.with(node: 2**48) }
    assert_raises(TypeError) { uuid.with(node: "5") }
    assert_nil Snowid::UUID.parse("919108f7-52d1-4320-9bac-f847db4148a8").time
    assert_raises(Snowid::InvalidError) { Snowid::UUID.new.node }
  end

  def test_kinds_of_uuids
    assert_equal %w[nil max], [Snowid::UUID::NIL.kind, Snowid::UUID::MAX.kind]
    assert_equal "00000000-0000-0000-0000-000000000000", Snowid::UUID::NIL.to_s
    assert_equal "7ZZZZZZZZZZZZZZZZZZZZZZZZZ", Snowid::ULID::MAX.to_s
    assert_equal [0] * 16, Snowid::ULID::NIL.bytes.bytes
    assert_equal "microsoft", Snowid::UUID.parse("00000000-0000-0000-c000-000000000046").kind
    assert_equal "uuid7", Snowid.uuid7.kind
    assert_equal "uuid4", Snowid.uuid4.kind
    refute_equal Snowid.uuid4, Snowid.uuid4
    assert_nil Snowid::UUID::NIL.time
  end

  # RFC 9562, appendices A.2, A.4 and B.2.
  def test_uuids_of_names_and_of_bytes
    dns = Snowid::UUID.parse("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
    [dns, dns.to_s, "dns", :dns].each do |namespace|
      assert_equal "5df41881-3aed-3515-88a7-2f4a814cf09e",
                   Snowid.uuid3(namespace, "www.example.com").to_s
      assert_equal "2ed6657d-e927-568b-95e1-2665a8aea6a2",
                   Snowid.uuid5(namespace, "www.example.com").to_s
    end
    bytes = ["5c146b143c52afd938a375d0df1fbfe6"].pack("H*")
    assert_equal "5c146b14-3c52-8fd9-b8a3-75d0df1fbfe6", Snowid.uuid8(bytes).to_s
    assert_raises(Snowid::InvalidError) { Snowid.uuid5("uri", "a") }
    assert_raises(Snowid::InvalidError) { Snowid.uuid5("#{dns}0", "a") }
    [nil, 5].each do |value|
      assert_raises(TypeError) { Snowid.uuid5(value, "a") }
      assert_raises(TypeError) { Snowid.uuid5(:dns, value) }
      assert_raises(TypeError) { Snowid.uuid8(value) }
    end
    assert_raises(RangeError) { Snowid.uuid8("x" * 15) }
  end

  def test_new_values_contain_the_current_time
    [Snowid::ULID, Snowid::UUID].each do |class_|
      before = Time.now - 0.001
      id = class_.new
      assert_includes before..Time.now, id.time
      refute_equal id, class_.new
    end
    assert_equal 7, Snowid::UUID.new.version
    assert_equal 7, Snowid.uuid7.version
    assert_instance_of Snowid::ULID, Snowid.ulid
  end

  def test_ulids_and_uuids_are_values
    a, b, c = %w[01ARZ3NDEKTSV4RRFFQ69G5FAV 01arz3ndektsv4rrffq69g5fav 01ARYZ6S41TSV4RRFFQ69G5FAV]
              .map { |text| Snowid::ULID.parse(text) }
    assert_equal a, b
    assert a.eql?(b)
    assert_equal({ a => 1 }, { b => 1 })
    assert_equal [c, a], [a, c].sort
    assert_operator c, :<, a
    assert c.between?(c, a)
    assert_predicate a, :frozen?
    assert_predicate a.bytes, :frozen?
    refute_equal a, a.to_uuid
    assert_nil a <=> a.to_uuid
    assert_raises(ArgumentError) { a < 5 }
    assert_equal a, Marshal.load(Marshal.dump(a))
    assert_equal a, a.dup
    assert_equal '["01ARZ3NDEKTSV4RRFFQ69G5FAV"]', JSON.generate([a])
    assert_equal a.to_s, a.as_json(only: 1) # called by ActiveSupport
    assert_equal "#<Snowid::ULID 01ARZ3NDEKTSV4RRFFQ69G5FAV>", a.inspect
    assert Snowid::ULID.range("2016-07-30").cover?(c)
    assert Snowid::UUID.range(Time.now - 1, Time.now + 1).cover?(Snowid::UUID.new)
  end

  def test_text_forms
    assert_equal %i[decimal padded hex base32 base36 base58 base62], Snowid::FORMS
    Snowid::FORMS.each do |form|
      assert_equal TWEET, Snowid.parse_id(Snowid.format_id(TWEET, form), form)
    end
    assert_equal "LygHa16AHYF", Snowid.format_id((2**64) - 1, "base62")
    assert_raises(Snowid::InvalidError) { Snowid.format_id(1, :frob) }
  end

  def test_times
    time = Snowid.parse_time("2024-01-03T20:30:00.123456789+01:00")
    assert_equal [Time.utc(2024, 1, 3, 19, 30), 123_456_789], [time.floor, time.nsec]
    assert_equal "2024-01-03T19:30:00.123456789Z", Snowid.format_time(time)
    assert_equal "1969-12-31T23:59:59.500Z", Snowid.format_time(-0.5)
    assert_raises(RangeError) { Snowid.format_time(Time.utc(10_000)) }
    assert_equal Snowid.format_time(time), Snowid.format_time(time.to_datetime)
    assert_equal "2024-01-03T00:00:00.000Z", Snowid.format_time(Date.new(2024, 1, 3))
    assert_equal "1582-10-15T00:00:00.000Z", Snowid.format_time(Date.new(1582, 10, 15))
    assert_equal "2024-01-03T19:30:00.100Z", Snowid.format_time(1_704_310_200.1)
    third = Time.at(Rational(1, 3)) # not a Float, so it is cut off
    assert_equal "1970-01-01T00:00:00.333333333Z", Snowid.format_time(third)
  end

  def test_errors
    error = assert_raises(ArgumentError) { Snowid::Layout.new("frob") }
    assert_kind_of Snowid::Error, error
    assert_kind_of Snowid::InvalidError, error
    assert_equal Snowid::E_UNKNOWN, error.code
    error = assert_raises(Errno::ENOENT) do
      Snowid::Generator.new(worker: 1, store: "file:/nonexistent/x")
    end
    assert_kind_of Snowid::Error, error
    assert_equal(-Errno::ENOENT::Errno, error.code)
    assert_match(/\A\d+\.\d+\.\d+\z/, Snowid::VERSION)
  end
end
