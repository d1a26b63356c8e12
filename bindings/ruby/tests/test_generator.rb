# frozen_string_literal: true

# SPDX-License-Identifier: MIT

require "tmpdir"

# A generator used by a single thread.
class GeneratorTest < Test
  SMALL = "time:41,worker:5,sequence:2"

  def test_next_contains_time_and_fields
    ids = generator_on_manual_clock(worker: 7, datacenter: 3)
    parts = ids.layout.decode(ids.next)
    assert_equal [@clock.now, 7, 3], parts.values_at(:time, :worker, :datacenter)
    assert_equal 7, ids.field(:worker)
    assert_raises(Snowid::InvalidError) { ids.field(:frob) }
  end

  def test_fields_by_name_or_in_a_hash
    ids = Snowid::Generator.new("time:41,wait:5,sequence:5", fields: { wait: 3 })
    assert_equal 3, ids.field("wait")
    ids = Snowid::Generator.new(Snowid::Layout.new("instagram"), fields: { "shard" => 3 })
    assert_equal 3, ids.field(:shard)
  end

  def test_kinds
    assert_instance_of Integer, generator_on_manual_clock.next
    %w[ulid uuid1 uuid6 uuid7].each do |kind|
      ids = generator_on_manual_clock(kind)
      class_ = kind == "ulid" ? Snowid::ULID : Snowid::UUID
      [ids.next, ids.try_next, *ids.batch(2)].each { |id| assert_instance_of class_, id }
      assert_nil ids.layout
      assert_equal kind, ids.kind
    end
    uuid = generator_on_manual_clock("uuid6", node: 5, clock_seq: 6).next
    assert_equal [5, 6], [uuid.node, uuid.clock_seq]
  end

  def test_generators_are_enumerable
    ids = generator_on_manual_clock
    first = ids.first(3)
    assert_equal first, first.sort.uniq
    assert_equal 2, ids.each_slice(2).first.size
    assert_equal Float::INFINITY, ids.each.size
    assert_operator ids.lazy.map { |id| id + 1 }.first(2).last, :>, first.last
    got = []
    ids.each { |id| (got << id).size < 3 || break }
    assert_equal 3, got.uniq.size
  end

  def test_each_does_not_swallow_stop_iteration
    assert_raises(StopIteration) { generator_on_manual_clock.each { raise StopIteration } }
  end

  def test_enumerators_draw_ids_only_on_demand
    ids = generator_on_manual_clock
    walk = ids.each
    walk.next
    lazy = ids.lazy.map(&:itself)
    lazy.first(1)
    issued = ids.stats[:issued]
    @clock.advance(0.1)
    assert_equal @clock.now, ids.layout.time(walk.next)
    @clock.advance(0.1)
    assert_equal @clock.now, ids.layout.time(lazy.first)
    assert_equal issued + 2, ids.stats[:issued]
  end

  def test_batch
    ids = generator_on_manual_clock
    made = ids.batch(10_000)
    assert_equal 10_000, made.uniq.size
    assert_equal made.sort, made
    assert_empty ids.batch(0)
  end

  def test_the_timeout_of_a_batch_is_for_its_total_wait
    ids = generator_on_manual_clock(SMALL, timeout: 1)
    assert_equal 2000, ids.batch(2000).uniq.size # waits for half a second
    assert_equal 4000, assert_raises(Snowid::ExhaustedError) { ids.batch(8000) }.partial.size
  end

  def test_a_failed_batch_has_partial_results
    ids = generator_on_manual_clock(SMALL, timeout: 0)
    error = assert_raises(Snowid::ExhaustedError) { ids.batch(6) }
    assert_equal 4, error.partial.size
    assert_equal Snowid::E_EXHAUSTED, error.code
    assert_equal 1_000_000, error.wait_ns
    assert_equal 6, ids.batch(6, timeout: 1).size
  end

  def test_timeouts
    ids = generator_on_manual_clock(SMALL, timeout: 0.5)
    assert_equal "500ms", ids.setting(:timeout)
    4.times { ids.next(timeout: 0) }
    assert_raises(Snowid::ExhaustedError) { ids.next(timeout: 0) }
    assert_raises(Snowid::ExhaustedError) { ids.next(timeout: 0.0005) }
    assert_instance_of Integer, ids.next(timeout: nil)
    far = generator_on_manual_clock(SMALL, wait: 3600, hold: 3600, timeout: 1)
    far.next
    @clock.step(-1800)
    before = @clock.elapsed
    assert_raises(Snowid::ClockError) { far.next }
    assert_equal 1, @clock.elapsed - before
  end

  def test_try_next
    ids = generator_on_manual_clock(SMALL)
    4.times { assert_instance_of Integer, ids.try_next }
    assert_nil ids.try_next
    assert_in_delta 0.001, ids.try_next { |seconds| seconds }, 1e-9
    @clock.advance(0.001)
    assert_instance_of Integer, ids.try_next { flunk }
    @clock.step(-3600)
    assert_raises(Snowid::ClockError) { ids.try_next { flunk } }
  end

  def test_wait_and_hold_when_the_clock_steps_back
    ids = generator_on_manual_clock(hold: "2s", wait: 0.01)
    ids.next
    @clock.step(-1.5)
    ids.next
    @clock.step(-1)
    error = assert_raises(Snowid::ClockError) { ids.next }
    assert_includes error.message, "2500.0000 ms"
    assert_equal [1, 1, 2_500_000_000], ids.stats.values_at(:regressions, :refused, :max_lag_ns)
  end

  def test_available
    ids = generator_on_manual_clock(SMALL)
    assert_equal 4, ids.available
    ids.batch(3)
    assert_equal 1, ids.available
  end

  def test_stats
    ids = generator_on_manual_clock
    ids.batch(5)
    expected = { issued: 5, waits: 0, regressions: 0, refused: 0, max_lead_ns: 0, max_lag_ns: 0,
                 removals: 0, left_ns: Float::INFINITY, lease: nil, epoch: 0, losses: 0,
                 renewals: 0, renewal_ns: 0, workers_free: nil }
    assert_equal(expected, ids.stats)
  end

  def test_removals_of_the_file_of_host_are_counted
    Dir.mktmpdir do |directory|
      ids = generator_on_manual_clock(store: "host:#{directory}")
      first = ids.next
      File.delete(*Dir.glob("#{directory}/*"))
      @clock.advance(1)
      assert_operator ids.next, :>, first
      assert_equal 1, ids.stats[:removals]
    end
  end

  def test_close
    ids = generator_on_manual_clock
    refute_predicate ids, :closed?
    assert_nil ids.close
    assert_nil ids.close(timeout: 0)
    assert_predicate ids, :closed?
    [-> { ids.next }, -> { ids.try_next }, -> { ids.batch(1) }, -> { ids.each { flunk } },
     -> { ids.available }].each { |call| assert_raises(Snowid::ClosedError, &call) }
    assert_equal 0, ids.stats[:issued]
    assert_includes ids.inspect, "closed"
  end

  def test_a_frozen_generator
    ids = generator_on_manual_clock.freeze
    assert_operator ids.next, :<, ids.batch(2).last
    ids.close
    assert_predicate ids, :closed?
  end

  def test_open_with_a_block_closes
    kept = nil
    result = Snowid::Generator.open("snowflake", worker: 1) do |ids|
      kept = ids
      ids.next
    end
    assert_instance_of Integer, result
    assert_predicate kept, :closed?
    assert_raises(IOError) do
      Snowid::Generator.open("ulid") { |ids| (kept = ids) && raise(IOError) }
    end
    assert_predicate kept, :closed?
    assert_instance_of Snowid::Generator, Snowid::Generator.open("ulid")
  end

  def test_a_state_file
    Dir.mktmpdir(nil, Dir.pwd) do |directory|
      options = { worker: 1, store: "file:#{directory}/state", reserve: 0.02 }
      first = Snowid::Generator.open("snowflake", **options) { |ids| ids.batch(100) }
      ids = Snowid::Generator.new("snowflake", **options)
      assert_operator ids.next, :>, first.last
      assert_operator ids.maintain, :<, 1
      # Drawing also renews the store, so its limit moves beyond the first reserve.
      finish = Time.now + 0.1
      ids.next while Time.now < finish
      error = assert_raises(Snowid::StoreError) { Snowid::Generator.new("twitter", **options) }
      assert_equal Snowid::E_STORE, error.code
    end
    assert_equal Float::INFINITY, generator_on_manual_clock.maintain
  end

  def test_mode_and_jump_of_a_state_file
    Dir.mktmpdir(nil, Dir.pwd) do |directory|
      { 0o640 => 0o640, "0660" => 0o660, nil => 0o600 }.each do |mode, expected|
        path = "#{directory}/#{expected}"
        options = { worker: 1, store: "file:#{path}", reserve: 0.02, max_jump: 7200, mode: mode }
        ids = Snowid::Generator.new("snowflake", **options)
        assert_equal "2h", ids.setting(:max_jump)
        ids.close
        assert_equal expected, File.stat(path).mode & 0o777
      end
    end
    assert_raises(Snowid::InvalidError) { Snowid::Generator.new(worker: 1, mode: 0o777) }
  end

  def test_subclasses
    class_ = Class.new(Snowid::Generator) { def next = super.to_s }
    assert_match(/\A\d+\z/, class_.new("snowflake", worker: 1).next)
  end
end
