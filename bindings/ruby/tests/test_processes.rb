# frozen_string_literal: true

# SPDX-License-Identifier: MIT

require "timeout"
require "tmpdir"

# Threads, forks and garbage.
class ProcessesTest < Test
  KINDS = [WIDE, "ulid", "uuid7"].freeze

  def generator(kind)
    kind == WIDE ? Snowid::Generator.new(kind, worker: 1) : Snowid::Generator.new(kind)
  end

  # Runs the block in several children. Returns the lines of all results.
  def in_children(count)
    pipes = Array.new(count) do
      reader, writer = IO.pipe
      pid = fork do
        reader.close
        writer.puts(yield)
        writer.close
        exit!(0)
      end
      writer.close
      [pid, reader]
    end
    pipes.flat_map do |pid, reader|
      lines = reader.readlines(chomp: true)
      assert_predicate Process.wait2(pid).last, :success?
      lines
    end
  end

  def test_threads_share_a_generator
    KINDS.each do |kind|
      ids = generator(kind)
      threads = Array.new(4) { Thread.new { Array.new(5000) { ids.next } + ids.batch(5000) } }
      made = threads.map(&:value)
      made.each { |list| assert_equal list.sort, list }
      assert_equal 40_000, made.flatten.uniq.size
    end
  end

  def test_other_threads_run_while_one_waits
    # With two IDs per tick, five IDs need a wait for at least one whole tick.
    ids = Snowid::Generator.new("time:41,worker:1,sequence:1;unit=50ms", worker: 1,
                                                                         store: "memory:")
    begun = Queue.new
    waiting = Thread.new { (begun << true) && ids.batch(5) }
    begun.pop
    turns = 0
    turns += 1 until ids.stats[:issued] == 5
    assert_equal 5, waiting.value.uniq.size
    assert_operator turns, :>, 1000
  end

  # Yields a generator whose next ID is due in two minutes.
  def with_blocked_generator
    Dir.mktmpdir(nil, Dir.pwd) do |directory|
      options = { worker: 1, store: "file:#{directory}/state", reserve: 0.01 }
      Snowid::Generator.new(WIDE, clock: Snowid::ManualClock.new(Time.now + 120), **options).next
      options.merge!(wait: 3600, hold: 3600, timeout: 3600, open_timeout: 0)
      yield Snowid::Generator.new(WIDE, **options)
    end
  end

  def test_a_thread_that_waits_can_be_killed
    with_blocked_generator do |ids|
      waiting = Thread.new { ids.next }
      Thread.pass until ids.stats[:waits].positive?
      waiting.kill
      assert waiting.join(30)
    end
  end

  def test_a_wait_can_be_interrupted
    with_blocked_generator do |ids|
      assert_raises(Timeout::Error) { Timeout.timeout(0.01) { ids.next } }
      waited = ids.stats[:waits]
      trap("INT", "DEFAULT") # programs in the background ignore it
      Thread.new do
        Thread.pass until ids.stats[:waits] > waited
        Process.kill("INT", Process.pid) # Ctrl-C
      end
      assert_raises(Interrupt) { ids.next }
    end
  end

  # Opening would wait for an hour.
  def test_opening_can_be_interrupted
    Dir.mktmpdir(nil, Dir.pwd) do |directory|
      options = { worker: 1, store: "file:#{directory}/state", reserve: "1h" }
      assert_raises(Timeout::Error) do
        Timeout.timeout(0.01) { Snowid::Generator.new(WIDE, **options) }
      end
      opening = Thread.new { Snowid::Generator.new(WIDE, **options) }
      Thread.pass until opening.stop?
      opening.kill
      assert opening.join(30)
      assert_raises(Snowid::ClockError) { Snowid::Generator.new(WIDE, open_timeout: 0, **options) }
      clock = Snowid::ManualClock.new(Time.now) # waits take no time
      assert_instance_of Integer, Snowid::Generator.new(WIDE, clock: clock, **options).next
      options[:store] = "file:#{directory}"
      error = assert_raises(Errno::EISDIR) { Snowid::Generator.new(WIDE, **options) }
      assert_includes error.message, directory
    end
  end

  # It goes on to wait after a handler that raises nothing.
  def test_opening_runs_trap_handlers
    Dir.mktmpdir(nil, Dir.pwd) do |directory|
      trapped = 0
      former = trap("USR1") do
        trapped += 1
        raise "enough" if trapped == 2
      end
      sender = Thread.new do
        Thread.pass until Thread.main.stop?
        2.times do |sent|
          Process.kill("USR1", Process.pid)
          Thread.pass until trapped > sent
        end
      end
      error = assert_raises(RuntimeError) do
        Snowid::Generator.new(WIDE, worker: 1, store: "file:#{directory}/state", reserve: "1h")
      end
      assert_equal "enough", error.message
      sender.join
    ensure
      trap("USR1", former)
    end
  end

  def test_a_long_batch_can_be_interrupted
    ids = Snowid::Generator.new(WIDE, worker: 1, store: "memory:")
    drawing = Thread.new { ids.batch(30_000_000) }
    Thread.pass until ids.stats[:issued].positive?
    drawing.kill.join
    assert_operator ids.stats[:issued], :<, 30_000_000
  end

  # Ruby warns that Ractor is experimental.
  def in_ractors(count, *arguments, &block)
    warnings = $VERBOSE
    $VERBOSE = nil
    Array.new(count) { Ractor.new(*arguments, &block) }.flat_map(&:take)
  ensure
    $VERBOSE = warnings
  end

  if defined?(Ractor)
    def test_ractors_share_a_generator
      ids = Ractor.make_shareable(generator(WIDE))
      made = in_ractors(4, ids) { |shared| Array.new(2500) { shared.next } + shared.batch(2500) }
      assert_equal 20_000, made.uniq.size
    end

    def test_ractors_share_a_mask
      mask = Snowid::Mask.new("k" * 16)
      made = in_ractors(2, mask) { |shared| Array.new(100) { |id| shared.apply(id) } }
      assert_equal Array.new(100) { |id| mask.apply(id) } * 2, made
    end

    def test_ractors_have_generators_and_values_of_their_own
      made = in_ractors(2) do
        ulids = Snowid::Generator.new("ulid")
        layout = Snowid::Layout.new("twitter")
        [ulids.next, ulids.next.to_s, Snowid::UUID.new.version,
         layout.decode(layout.first_at("2024-01-01"))[:unix_ms], layout.range("2024-01"..).begin,
         Snowid::UUID::MAX.kind, Snowid.uuid5(:dns, "a").to_s,
         Snowid.parse_id("LygHa16AHYF", :base62)]
      end
      assert_equal (2**64) - 1, made.last
      assert_equal 10, made.uniq.size
    end
  end

  def test_children_share_a_generator
    KINDS.each do |kind|
      ids = generator(kind)
      ids.next
      children = in_children(4) { Array.new(2500) { ids.next } + ids.batch(2500) }
      own = ids.batch(5000).map(&:to_s)
      assert_equal 25_000, (children + own).uniq.size, kind
    end
  end

  def test_fork_in_the_middle_of_an_iteration
    ids = generator(WIDE)
    walk = ids.each
    lazy = ids.lazy.map(&:itself)
    before = [walk.next, lazy.first].map(&:to_s)
    children = in_children(4) { Array.new(100) { walk.next } + lazy.first(100) + ids.first(100) }
    after = Array.new(100) { walk.next.to_s } + lazy.first(100).map(&:to_s)
    assert_equal 2 + 1200 + 200, (before + children + after).uniq.size
  end

  def test_children_share_no_random_values
    Snowid::ULID.new
    children = in_children(4) { Array.new(1000) { [Snowid::ULID.new, Snowid::UUID.new] } }
    assert_equal 8000, children.uniq.size
  end

  def test_children_share_a_state_file
    Dir.mktmpdir(nil, Dir.pwd) do |directory|
      ids = Snowid::Generator.new(WIDE, worker: 1, store: "file:#{directory}/state", reserve: 0.05)
      children = in_children(3) { ids.batch(1000) }
      assert_equal 4000, (children + ids.batch(1000).map(&:to_s)).uniq.size
    end
  end

  def test_the_end_of_a_child_does_not_close_the_generator
    ids = generator(WIDE)
    assert_equal(["closed"], in_children(1) { ids.close || "closed" })
    assert_instance_of Integer, ids.next
    pid = fork { exit } # runs finalizers
    Process.wait(pid)
    assert_instance_of Integer, ids.next
  end

  def resident_bytes
    Integer(File.read("/proc/self/statm").split[1]) * 4096
  end

  # Makes and drops many objects of each class, and some errors.
  def make_garbage(count)
    count.times do
      Snowid::Generator.new("snowflake", worker: 1).try_next
      Snowid::ManualClock.new(START)
      3.times { Snowid::Layout.new("twitter") }
      Snowid::Mask.new("k" * 16).apply(1)
      44.times { Snowid::ULID.new.to_uuid }
      assert_raises(RangeError) { Snowid.format_id(2**64) }
    end
    GC.start
  end

  def growth_of_memory
    before = resident_bytes
    make_garbage(20_000)
    resident_bytes - before
  end

  # A million objects each time. If a hundredth of them leaked, memory would grow each time by much
  # more than this; what else it grows by, such as the collector's own heap, ends.
  def test_garbage_is_collected
    make_garbage(1000)
    assert(5.times.any? { growth_of_memory < 8 << 20 })
  end

  def test_more_generators_than_memory_mappings
    ballast = Array.new(3_000_000) { Object.new } # so that the collector sees no reason to run
    70_000.times { Snowid::Generator.new("snowflake", worker: 1) }
    assert_equal 3_000_000, ballast.size
  end
end
