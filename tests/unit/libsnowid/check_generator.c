/* SPDX-License-Identifier: MIT
 *
 * Generators through the public interface alone.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/check.h"

#define WIDE_LAYOUT "time:41,worker:1,sequence:22;epoch=2021-01-01"

/* ---- making -------------------------------------------------------------------------------- */

static struct snowid_config *config_of(const char *kind)
{
	struct snowid_config *config;
	OK(snowid_config_new(&config));
	OK(snowid_config_set_kind(config, kind));
	static const char *const nodes[] = {"worker", "machine", "shard"};
	for (size_t i = 0; i < 3; i++) /* whichever it has */
		snowid_config_set_field(config, nodes[i], 1);
	return config;
}

static struct snowid_generator *generator_of(struct snowid_config *config)
{
	struct snowid_generator *generator = NULL;
	OK(snowid_generator_new(config, &generator));
	snowid_config_free(config);
	return generator;
}

/* On a manual clock that stands at START, a tick after the generator was made. */
static struct snowid_generator *manual_generator(const char *kind, struct snowid_clock **clock)
{
	struct snowid_config *const config = config_of(kind);
	OK(snowid_clock_new_manual(START - 1, 0, clock));
	OK(snowid_config_set_clock(config, *clock));
	struct snowid_generator *const generator = generator_of(config);
	OK(snowid_clock_advance(*clock, SEC));
	return generator;
}

static uint64_t stat_of(const struct snowid_generator *g, enum snowid_stat which)
{
	uint64_t value;
	OK(snowid_generator_stat(g, which, &value));
	return value;
}

static const char *const kinds[] = {
	"snowflake", WIDE_LAYOUT, "instagram", "sonyflake;epoch=2021-01-01",
	"ulid",      "uuid7",     "uuid6",     "uuid1"};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* Every kind as a number that sorts by time: 128 bits, most significant half first. */
struct value {
	uint64_t high, low;
};

static int compare_values(const void *a, const void *b)
{
	const struct value *const x = a, *const y = b;
	if (x->high != y->high)
		return x->high < y->high ? -1 : 1;
	return x->low < y->low ? -1 : x->low > y->low;
}

static struct value value_of(const char *kind, const struct snowid_id128 *id)
{
	struct value v = {0, 0};
	struct snowid_id128 sorted = *id;
	if (strcmp(kind, "uuid1") == 0) /* its bytes do not sort */
		snowid_uuid_1to6(id, &sorted);
	for (int i = 0; i < 8; i++) {
		v.high = v.high << 8 | sorted.bytes[i];
		v.low = v.low << 8 | sorted.bytes[8 + i];
	}
	return v;
}

static bool is_wide(const char *kind)
{
	return strcmp(kind, "ulid") == 0 || strncmp(kind, "uuid", 4) == 0;
}

static int take(struct snowid_generator *g, const char *kind, struct value *value)
{
	struct snowid_id128 id;
	int error;
	if (!is_wide(kind)) {
		value->high = 0;
		return snowid_generator_next_for(g, UINT64_MAX, &value->low);
	}
	error = snowid_generator_next128_for(g, UINT64_MAX, &id);
	if (!error)
		*value = value_of(kind, &id);
	return error;
}

static void expect_unique(struct value *values, size_t count)
{
	qsort(values, count, sizeof *values, compare_values);
	for (size_t i = 1; i < count; i++)
		if (compare_values(&values[i - 1], &values[i]) == 0)
			ck_abort_msg("twice: %llx %llx", (unsigned long long)values[i].high,
				     (unsigned long long)values[i].low);
}

static void *shared(size_t size)
{
	void *const map =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(map, MAP_FAILED);
	return map;
}

/* ---- a single user ------------------------------------------------------------------------- */

TEST(an_id_holds_its_time_and_fields)
{
	static const struct {
		const char *kind, *node;
		uint64_t ms;
	} cases[] = {{"snowflake", "worker", 1},   {"twitter", "worker", 1},
		     {"discord", "worker", 1},     {"instagram", "shard", 1},
		     {"sonyflake", "machine", 10}, {"js53", "worker", 1}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct snowid_clock *clock;
		struct snowid_generator *const g = manual_generator(cases[i].kind, &clock);
		struct snowid_layout *layout;
		uint64_t ids[3], value;
		size_t made;
		int64_t ms;
		OK(snowid_layout_new(cases[i].kind, &layout));
		OK(snowid_clock_advance(clock, 123 * MS));
		OK(snowid_generator_next(g, &ids[0]));
		OK(snowid_generator_next_batch(g, &ids[1], 2, 0, &made));
		for (uint64_t n = 0; n < 3; n++) {
			OK(snowid_layout_time_ms(layout, ids[n], &ms));
			ck_assert_int_eq(ms,
					 START * INT64_C(1000) + (cases[i].ms == 10 ? 120 : 123));
			OK(snowid_layout_field(layout, ids[n], cases[i].node, &value));
			ck_assert_uint_eq(value, 1);
			OK(snowid_layout_field(layout, ids[n], "sequence", &value));
			ck_assert_uint_eq(value, n);
		}
		OK(snowid_generator_field(g, cases[i].node, &value));
		ck_assert_uint_eq(value, 1);
		snowid_layout_free(layout);
		snowid_generator_free(g);
		snowid_clock_free(clock);
	}
}

TEST(ulids_and_uuids_hold_their_time)
{
	static const char *const names[] = {"ulid", "uuid1", "uuid6", "uuid7"};
	static const unsigned versions[] = {0, 1, 6, 7};
	for (size_t i = 0; i < 4; i++) {
		struct snowid_clock *clock;
		struct snowid_generator *const g = manual_generator(names[i], &clock);
		struct snowid_id128 id;
		enum snowid_uuid_variant variant;
		unsigned version;
		int64_t sec, ms;
		uint32_t nsec;
		OK(snowid_clock_advance(clock, 123 * MS));
		OK(snowid_generator_next128(g, &id));
		if (i == 0) {
			OK(snowid_ulid_time_ms(&id, &ms));
		} else {
			OK(snowid_uuid_version(&id, &version));
			OK(snowid_uuid_variant(&id, &variant));
			ck_assert_uint_eq(version, versions[i]);
			ck_assert_int_eq(variant, SNOWID_UUID_VARIANT_RFC9562);
			OK(snowid_uuid_time(&id, &sec, &nsec));
			ms = sec * 1000 + nsec / 1000000;
		}
		/* Versions 1 and 6 take what the last millisecond has left. */
		ck_assert_int_le(ms, START * INT64_C(1000) + 123);
		ck_assert_int_ge(ms, START * INT64_C(1000) +
					     (versions[i] == 1 || versions[i] == 6 ? 122 : 123));
		snowid_generator_free(g);
		snowid_clock_free(clock);
	}
}

TEST(the_node_of_a_uuid_is_random_multicast_or_as_set)
{
	struct snowid_config *config = config_of("uuid6");
	struct snowid_generator *a, *b;
	struct snowid_id128 id, next;
	uint8_t node[6];
	unsigned clock_seq;
	uint64_t value, other;

	OK(snowid_generator_new(config, &a));
	OK(snowid_generator_new(config, &b));
	OK(snowid_generator_field(a, "node", &value));
	OK(snowid_generator_field(b, "node", &other));
	ck_assert_uint_ne(value, other);
	OK(snowid_generator_next128(a, &id));
	OK(snowid_generator_next128(a, &next));
	ck_assert_mem_eq(id.bytes + 8, next.bytes + 8, 8); /* kept for the generator's life */
	OK(snowid_uuid_node(&id, node));
	ck_assert_int_eq(node[0] & 1, 1);
	ck_assert_uint_eq((uint64_t)node[0] << 40 | (uint64_t)node[1] << 32 |
				  (uint64_t)node[2] << 24 | (uint64_t)node[3] << 16 |
				  (uint64_t)node[4] << 8 | node[5],
			  value);
	OK(snowid_uuid_clock_seq(&id, &clock_seq));
	OK(snowid_generator_field(a, "clock_seq", &value));
	ck_assert_uint_eq(clock_seq, value);
	snowid_generator_free(a);
	snowid_generator_free(b);

	OK(snowid_config_set_field(config, "node", UINT64_C(0x020406080a0c)));
	OK(snowid_config_set_field(config, "clock_seq", 0x1234));
	a = generator_of(config);
	OK(snowid_generator_next128(a, &id));
	OK(snowid_uuid_node(&id, node));
	ck_assert_mem_eq(node, "\x02\x04\x06\x08\x0a\x0c", 6);
	OK(snowid_uuid_clock_seq(&id, &clock_seq));
	ck_assert_uint_eq(clock_seq, 0x1234);
	snowid_generator_free(a);
}

TEST(a_batch_spans_ticks_in_order)
{
	struct snowid_clock *clock;
	struct snowid_generator *const g = manual_generator("snowflake", &clock);
	static uint64_t ids[10000];
	size_t made;
	OK(snowid_generator_next_batch(g, ids, 10000, 10 * MS, &made));
	ck_assert_uint_eq(made, 10000);
	for (uint64_t i = 0; i < 10000; i++)
		if ((ids[i] & 4095) != i % 4096 || ids[i] >> 22 != (ids[0] >> 22) + i / 4096)
			ck_abort_msg("ID %llu", (unsigned long long)i);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_ISSUED), 10000);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_WAITS), 2);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(a_batch_that_ends_early_keeps_what_it_made)
{
	struct snowid_clock *clock;
	struct snowid_generator *const g = manual_generator("snowflake", &clock);
	static uint64_t ids[10000];
	uint64_t next;
	size_t made;
	EXPECT(snowid_generator_next_batch(g, ids, 10000, MS + MS / 2, &made), SNOWID_E_EXHAUSTED);
	ck_assert_uint_eq(made, 8192);
	for (size_t i = 1; i < made; i++)
		if (ids[i] <= ids[i - 1])
			ck_abort_msg("ID %zu is not above the one before", i);
	OK(snowid_generator_next(g, &next));
	ck_assert_uint_gt(next, ids[8191]);
	OK(snowid_generator_next_batch(g, ids, 0, 0, &made));
	ck_assert_uint_eq(made, 0);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(every_kind_increases_in_calls_and_batches)
{
	for (size_t k = 0; k < KINDS; k++) {
		struct snowid_generator *const g = generator_of(config_of(kinds[k]));
		static struct value values[6000];
		for (size_t i = 0; i < 3000; i++)
			OK(take(g, kinds[k], &values[i]));
		size_t made;
		if (is_wide(kinds[k])) {
			static struct snowid_id128 ids[3000];
			OK(snowid_generator_next128_batch(g, ids, 3000, UINT64_MAX, &made));
			for (size_t i = 0; i < 3000; i++)
				values[3000 + i] = value_of(kinds[k], &ids[i]);
		} else {
			static uint64_t ids[3000];
			OK(snowid_generator_next_batch(g, ids, 3000, UINT64_MAX, &made));
			for (size_t i = 0; i < 3000; i++)
				values[3000 + i] = (struct value){0, ids[i]};
		}
		for (size_t i = 1; i < 6000; i++)
			if (compare_values(&values[i - 1], &values[i]) >= 0)
				ck_abort_msg("%s: %zu", kinds[k], i);
		ck_assert_uint_eq(stat_of(g, SNOWID_STAT_ISSUED), 6000);
		snowid_generator_free(g);
	}
}

/* An ID tells nothing about the next: of 64 random bits, 2 in a row that agree in the top 32 would
 * turn up once in 2^32. */
TEST(tails_are_fresh)
{
	static const char *const names[] = {"ulid", "uuid7"};
	for (size_t k = 0; k < 2; k++) {
		struct snowid_generator *const g = generator_of(config_of(names[k]));
		static struct snowid_id128 ids[1000];
		size_t made;
		OK(snowid_generator_next128_batch(g, ids, 1000, UINT64_MAX, &made));
		for (size_t i = 1; i < 1000; i++)
			ck_assert_int_ne(memcmp(ids[i].bytes + 10, ids[i - 1].bytes + 10, 6), 0);
		snowid_generator_free(g);
	}
}

TEST(spread_makes_slow_generators_use_all_residues)
{
	struct snowid_clock *clock;
	struct snowid_config *const config = config_of("snowflake");
	bool met[16] = {false};
	uint64_t id;
	OK(snowid_config_set(config, "spread", "true"));
	OK(snowid_clock_new_manual(START, 0, &clock));
	OK(snowid_config_set_clock(config, clock));
	struct snowid_generator *const g = generator_of(config);
	for (int i = 0; i < 1000; i++) {
		OK(snowid_clock_advance(clock, 10 * MS));
		OK(snowid_generator_next(g, &id));
		met[id % 16] = true;
	}
	for (int i = 0; i < 16; i++)
		ck_assert_msg(met[i], "no ID is %d modulo 16", i);
	/* A tick still holds at least half of its IDs. */
	uint64_t available;
	OK(snowid_clock_advance(clock, 10 * MS));
	OK(snowid_generator_available(g, &available));
	ck_assert_uint_ge(available, 2048);
	ck_assert_uint_le(available, 4096);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(without_spread_a_tick_starts_at_0)
{
	struct snowid_clock *clock;
	struct snowid_generator *const g = manual_generator("snowflake", &clock);
	uint64_t id;
	for (int i = 0; i < 10; i++) {
		OK(snowid_clock_advance(clock, 10 * MS));
		OK(snowid_generator_next(g, &id));
		ck_assert_uint_eq(id & 4095, 0);
	}
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

/* ---- the clock ----------------------------------------------------------------------------- */

TEST(a_step_of_3_ms_is_waited_out)
{
	struct snowid_clock *clock;
	struct snowid_generator *const g = manual_generator("snowflake", &clock);
	uint64_t a, b, wait;
	int64_t sec;
	uint32_t nsec;
	OK(snowid_generator_next(g, &a));
	OK(snowid_clock_step(clock, -3 * MS));
	EXPECT(snowid_generator_try_next(g, &b, &wait), SNOWID_E_CLOCK);
	ck_assert_uint_eq(wait, 3 * MS);
	OK(snowid_generator_next(g, &b));
	ck_assert_uint_eq(b, a + 1);
	OK(snowid_clock_read(clock, &sec, &nsec, NULL));
	ck_assert_int_eq(sec, START);
	ck_assert_uint_eq(nsec, 0);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_REGRESSIONS), 1);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_MAX_LAG_NS), 3 * MS);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_REFUSED), 0);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(a_step_of_500_ms_is_held)
{
	struct snowid_clock *clock;
	struct snowid_generator *const g = manual_generator("snowflake", &clock);
	uint64_t last, id;
	OK(snowid_generator_next(g, &last));
	OK(snowid_clock_step(clock, -SEC / 2));
	for (int i = 0; i < 20000; i++) { /* over 4 ticks: the waits are the clock's own */
		OK(snowid_generator_next(g, &id));
		if (id <= last)
			ck_abort_msg("not above the one before");
		last = id;
	}
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_REGRESSIONS), 1);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_WAITS), 4);
	ck_assert_uint_le(stat_of(g, SNOWID_STAT_MAX_LEAD_NS), 501 * MS);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(a_leap_second_is_held_and_10_s_are_refused)
{
	struct snowid_clock *clock;
	struct snowid_generator *const g = manual_generator("snowflake", &clock);
	uint64_t last, id, wait;
	OK(snowid_generator_next(g, &last));
	OK(snowid_clock_step(clock, -SEC));
	OK(snowid_generator_next(g, &id));
	ck_assert_uint_eq(id, last + 1);
	OK(snowid_clock_step(clock, -9 * SEC));
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_CLOCK);
	EXPECT_DETAIL("10000.0000 ms");
	EXPECT(snowid_generator_try_next(g, &id, &wait), SNOWID_E_CLOCK);
	ck_assert_uint_eq(wait, 0);
	EXPECT(snowid_generator_available(g, &id), SNOWID_E_CLOCK);
	OK(snowid_clock_step(clock, 10 * SEC));
	OK(snowid_generator_next(g, &id));
	ck_assert_uint_eq(id, last + 2);
	ck_assert_uint_ge(stat_of(g, SNOWID_STAT_REFUSED), 2);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(wait_and_hold_of_0_refuse_every_step)
{
	struct snowid_clock *clock;
	struct snowid_config *const config = config_of("snowflake");
	uint64_t id;
	OK(snowid_config_set(config, "wait", "0"));
	OK(snowid_config_set(config, "hold", "0"));
	OK(snowid_clock_new_manual(START, 0, &clock));
	OK(snowid_config_set_clock(config, clock));
	struct snowid_generator *const g = generator_of(config);
	for (int i = 0; i < 10000; i++) /* spent ticks are no step */
		OK(snowid_generator_next(g, &id));
	OK(snowid_clock_step(clock, -MS));
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_CLOCK);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(a_step_forward_is_followed)
{
	struct snowid_clock *clock;
	struct snowid_generator *const g = manual_generator("snowflake", &clock);
	uint64_t a, b;
	OK(snowid_generator_next(g, &a));
	OK(snowid_clock_step(clock, 3600 * SEC));
	OK(snowid_generator_next(g, &b));
	ck_assert_uint_eq(b - a, UINT64_C(3600000) << 22);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_REGRESSIONS), 0);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

struct frozen {
	_Atomic uint64_t elapsed;
	_Atomic int64_t sec;
};

static int frozen_wall(void *user, int64_t *sec, uint32_t *nsec)
{
	struct frozen *const f = user;
	*sec = atomic_load(&f->sec);
	*nsec = 0;
	return 0;
}

static int frozen_elapsed(void *user, uint64_t *ns)
{
	struct frozen *const f = user;
	*ns = atomic_load(&f->elapsed);
	return 0;
}

static int frozen_sleep(void *user, uint64_t ns)
{
	struct frozen *const f = user;
	atomic_fetch_add(&f->elapsed, ns);
	return 0;
}

TEST(a_frozen_clock_ends_in_an_error_at_the_deadline)
{
	struct frozen frozen = {0, START};
	struct snowid_clock *clock;
	struct snowid_config *const config = config_of("snowflake");
	uint64_t id;
	OK(snowid_clock_new(frozen_wall, frozen_elapsed, frozen_sleep, &frozen, &clock));
	OK(snowid_config_set_clock(config, clock));
	struct snowid_generator *const g = generator_of(config);
	atomic_store(&frozen.sec, START + 1);
	for (int i = 0; i < 4096; i++)
		OK(snowid_generator_next(g, &id));
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_EXHAUSTED);
	EXPECT_DETAIL("sequence of this tick is spent");
	ck_assert_uint_eq(atomic_load(&frozen.elapsed), 2000 * MS); /* the default timeout */
	EXPECT(snowid_generator_next_for(g, 7 * MS, &id), SNOWID_E_EXHAUSTED);
	ck_assert_uint_eq(atomic_load(&frozen.elapsed), 2007 * MS);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

static int broken_wall(void *user, int64_t *sec, uint32_t *nsec)
{
	const int *const broken = user;
	*sec = START;
	*nsec = 0;
	return *broken;
}

static int broken_elapsed(void *user, uint64_t *ns)
{
	const int *const broken = user;
	*ns = 0;
	return *broken;
}

static int broken_sleep(void *user, uint64_t ns)
{
	(void)user;
	(void)ns;
	return -EIO;
}

TEST(an_error_of_the_clock_is_returned)
{
	int broken = 0;
	struct snowid_clock *clock;
	struct snowid_config *const config = config_of("snowflake");
	uint64_t id, wait = 9;
	OK(snowid_clock_new(broken_wall, broken_elapsed, broken_sleep, &broken, &clock));
	OK(snowid_config_set_clock(config, clock));
	struct snowid_generator *g;
	OK(snowid_generator_new(config, &g));
	EXPECT(snowid_generator_next(g, &id), -EIO); /* of the sleep */
	broken = -ENODEV;
	EXPECT(snowid_generator_next(g, &id), -ENODEV);
	EXPECT(snowid_generator_try_next(g, &id, &wait), -ENODEV);
	ck_assert_uint_eq(wait, 0);
	snowid_generator_free(g);
	EXPECT(snowid_generator_new(config, &g), -ENODEV);
	snowid_config_free(config);
	snowid_clock_free(clock);
}

TEST(outside_the_layout_every_id_is_refused)
{
	static const struct {
		const char *epoch, *first, *last; /* of a layout of 20 bits of 1 ms: 1048.576 s */
	} layout = {"time:20,worker:2,sequence:4;epoch=2024-01-01T00:00:00Z",
		    "2024-01-01T00:00:00Z", "2024-01-01T00:17:28.575Z"};
	struct snowid_clock *clock;
	struct snowid_config *const config = config_of(layout.epoch);
	struct snowid_generator *g;
	int64_t first, last;
	uint32_t nsec;
	uint64_t id, wait;

	OK(snowid_time_parse(layout.first, strlen(layout.first), &first, &nsec));
	OK(snowid_time_parse(layout.last, strlen(layout.last), &last, &nsec));
	OK(snowid_clock_new_manual(first, 0, &clock));
	OK(snowid_config_set_clock(config, clock));
	OK(snowid_clock_step(clock, -1));
	EXPECT(snowid_generator_new(config, &g), SNOWID_E_EPOCH);
	OK(snowid_clock_step(clock, 1));
	OK(snowid_generator_new(config, &g));
	OK(snowid_clock_step(clock, -1));
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_EPOCH);
	OK(snowid_clock_step(clock, 1 + (last - first) * SEC + nsec));
	for (int i = 0; i < 16; i++) { /* the last tick */
		OK(snowid_generator_next(g, &id));
		ck_assert_uint_eq(id, (UINT64_C(0xfffff) << 6) + (1 << 4) + (uint64_t)i);
	}
	for (int i = 0; i < 3; i++) {
		EXPECT(snowid_generator_next(g, &id), SNOWID_E_ENDED);
		EXPECT(snowid_generator_try_next(g, &id, &wait), SNOWID_E_ENDED);
		ck_assert_uint_eq(wait, 0);
		OK(snowid_clock_advance(clock, MS));
	}
	EXPECT_DETAIL("2024-01-01T00:17:28.575Z");
	OK(snowid_clock_step(clock, -SEC));
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_ENDED);
	OK(snowid_clock_step(clock, SEC));
	snowid_generator_free(g);
	EXPECT(snowid_generator_new(config, &g), SNOWID_E_ENDED);
	snowid_config_free(config);
	snowid_clock_free(clock);
}

TEST(two_generators_within_a_millisecond_share_no_id)
{
	struct snowid_clock *clock;
	struct snowid_config *const config = config_of("snowflake");
	uint64_t last = 0, id;
	OK(snowid_clock_new_manual(START, 0, &clock));
	OK(snowid_config_set_clock(config, clock));
	for (int i = 0; i < 50; i++) { /* one after the other, three to a millisecond */
		struct snowid_generator *g;
		OK(snowid_generator_new(config, &g));
		if (i % 3 == 2)
			OK(snowid_generator_next(g, &id));
		else if (snowid_generator_try_next(g, &id, NULL) != 0)
			id = 0;
		if (id) {
			ck_assert_uint_gt(id, last);
			last = id;
		}
		OK(snowid_generator_close(g, 0));
		snowid_generator_free(g);
		OK(snowid_clock_advance(clock, MS / 3));
	}
	ck_assert_uint_gt(last, 0);
	snowid_config_free(config);
	snowid_clock_free(clock);
}

/* ---- threads and processes ----------------------------------------------------------------- */

enum { THREADS = 8, PER_THREAD = 20000 };

struct job {
	struct snowid_generator *generator;
	struct value *values;
	size_t count;
	const char *kind;
	bool failed;
};

static void *take_many(void *argument)
{
	struct job *const job = argument;
	for (size_t i = 0; i < job->count && !job->failed; i++) {
		job->failed = take(job->generator, job->kind, &job->values[i]) != 0;
		if (i > 0 && compare_values(&job->values[i - 1], &job->values[i]) >= 0)
			job->failed = true;
	}
	return NULL;
}

TEST_EACH(eight_threads_get_no_id_twice, KINDS)
{
	const char *const kind = kinds[nth];
	const size_t count =
		strncmp(kind, "sonyflake", 9) == 0 ? 500 : PER_THREAD; /* 25,600 a second */
	struct snowid_generator *const g = generator_of(config_of(kind));
	struct value *const values = calloc(THREADS * count, sizeof *values);
	pthread_t threads[THREADS];
	struct job jobs[THREADS];
	for (size_t i = 0; i < THREADS; i++) {
		jobs[i] = (struct job){g, values + i * count, count, kind, false};
		pthread_create(&threads[i], NULL, take_many, &jobs[i]);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_msg(!jobs[i].failed, "an error, or not increasing");
	}
	expect_unique(values, THREADS * count);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_ISSUED), THREADS * count);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_REFUSED), 0);
	free(values);
	snowid_generator_free(g);
}

TEST_EACH(four_children_and_their_parent_get_no_id_twice, KINDS)
{
	enum { CHILDREN = 4 };
	const char *const kind = kinds[nth];
	const size_t count = strncmp(kind, "sonyflake", 9) == 0 ? 500 : PER_THREAD;
	struct snowid_generator *const g = generator_of(config_of(kind));
	const size_t size = (CHILDREN + 1) * count * sizeof(struct value);
	struct value *const values = shared(size);
	struct value before;
	pid_t children[CHILDREN];
	OK(take(g, kind, &before)); /* so that all buffers are warm when it forks */
	for (size_t i = 0; i < CHILDREN; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			struct job job = {g, values + i * count, count, kind, false};
			take_many(&job);
			snowid_generator_free(g);
			_exit(job.failed);
		}
	}
	struct job job = {g, values + CHILDREN * count, count, kind, false};
	take_many(&job);
	ck_assert(!job.failed);
	for (size_t i = 0; i < CHILDREN; i++) {
		int status;
		ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
		ck_assert_int_eq(status, 0);
	}
	expect_unique(values, (CHILDREN + 1) * count);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_ISSUED), (CHILDREN + 1) * count + 1);
	munmap(values, size);
	snowid_generator_free(g);
}

/* The random parts alone: parent and child must not draw the same bytes. */
TEST_EACH(a_child_draws_other_random_bytes, 2)
{
	struct snowid_generator *const g = generator_of(config_of(nth ? "uuid7" : "ulid"));
	struct snowid_id128 *const ids = shared(2 * sizeof *ids), id;
	int status;
	OK(snowid_generator_next128(g, &ids[0]));
	const pid_t child = fork();
	if (child == 0) {
		const int error = snowid_generator_next128(g, &ids[1]);
		snowid_generator_free(g);
		_exit(error != 0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	OK(snowid_generator_next128(g, &ids[0]));
	id = ids[0];
	ck_assert_int_ne(memcmp(id.bytes + 10, ids[1].bytes + 10, 6), 0);
	munmap(ids, 2 * sizeof *ids);
	snowid_generator_free(g);
}

static void *take_until_closed(void *argument)
{
	struct job *const job = argument;
	struct value value;
	for (;;) {
		const int error = take(job->generator, job->kind, &value);
		if (error) {
			job->failed = error != SNOWID_E_CLOSED;
			return NULL;
		}
		job->count++;
	}
}

TEST(close_ends_all_claims_at_once)
{
	for (int round = 0; round < 50; round++) {
		struct snowid_generator *const g = generator_of(config_of(WIDE_LAYOUT));
		pthread_t threads[3];
		struct job jobs[3];
		uint64_t issued = 0, id, count;
		size_t made;
		for (size_t i = 0; i < 3; i++) {
			jobs[i] = (struct job){g, NULL, 0, WIDE_LAYOUT, false};
			pthread_create(&threads[i], NULL, take_until_closed, &jobs[i]);
		}
		while (stat_of(g, SNOWID_STAT_ISSUED) < 200)
			;
		OK(snowid_generator_close(g, 0));
		for (size_t i = 0; i < 3; i++) {
			pthread_join(threads[i], NULL);
			ck_assert(!jobs[i].failed);
			issued += jobs[i].count;
		}
		/* What was handed out is what the recorded end says. */
		ck_assert_uint_eq(stat_of(g, SNOWID_STAT_ISSUED), issued);
		EXPECT(snowid_generator_next(g, &id), SNOWID_E_CLOSED);
		EXPECT(snowid_generator_try_next(g, &id, NULL), SNOWID_E_CLOSED);
		EXPECT(snowid_generator_next_batch(g, &id, 1, 0, &made), SNOWID_E_CLOSED);
		EXPECT(snowid_generator_available(g, &count), SNOWID_E_CLOSED);
		OK(snowid_generator_close(g, 0));
		snowid_generator_free(g);
	}
}

TEST(a_close_reaches_children_and_a_childs_close_does_not_reach_its_parent)
{
	struct snowid_generator *const g = generator_of(config_of("snowflake"));
	int status, ready[2], closed[2];
	uint64_t id;
	char byte = 0;

	pid_t child = fork();
	if (child == 0) {
		snowid_generator_close(g, 0);
		const int error = snowid_generator_next(g, &id);
		snowid_generator_free(g);
		_exit(error != SNOWID_E_CLOSED);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	OK(snowid_generator_next(g, &id));

	ck_assert_int_eq(pipe(ready) | pipe(closed), 0);
	child = fork();
	if (child == 0) {
		bool fine = snowid_generator_next(g, &id) == 0;
		fine &= write(ready[1], &byte, 1) == 1 && read(closed[0], &byte, 1) == 1;
		fine &= snowid_generator_next(g, &id) == SNOWID_E_CLOSED;
		snowid_generator_free(g);
		_exit(!fine);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	OK(snowid_generator_close(g, 0));
	ck_assert_int_eq(write(closed[1], &byte, 1), 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	snowid_generator_free(g);
}

TEST(a_child_goes_on_when_its_parent_frees)
{
	struct snowid_generator *const g = generator_of(config_of("snowflake"));
	int status, freed[2];
	uint64_t id;
	char byte = 0;
	ck_assert_int_eq(pipe(freed), 0);
	const pid_t child = fork();
	if (child == 0) {
		bool fine = read(freed[0], &byte, 1) == 1;
		fine &= snowid_generator_next(g, &id) == 0;
		snowid_generator_free(g);
		_exit(!fine);
	}
	snowid_generator_free(g);
	ck_assert_int_eq(write(freed[1], &byte, 1), 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}

TEST(a_new_generator_at_an_old_address_is_a_new_one)
{
	struct snowid_config *const config = config_of("snowflake");
	struct snowid_clock *clock;
	uintptr_t addresses[20];
	bool reused = false;
	uint64_t id, last = 0, value;
	OK(snowid_clock_new_manual(START, 0, &clock));
	OK(snowid_config_set_clock(config, clock));
	for (uint64_t i = 0; i < 20; i++) {
		struct snowid_generator *g;
		OK(snowid_config_set_field(config, "worker", i));
		OK(snowid_generator_new(config, &g));
		addresses[i] = (uintptr_t)g;
		reused |= i > 0 && addresses[i] == addresses[i - 1];
		for (int n = 0; n < 10; n++) {
			OK(snowid_generator_next(g, &id));
			ck_assert_uint_eq(id >> 12 & 31, i);
			ck_assert_uint_gt(id >> 22, last >> 22);
		}
		ck_assert_uint_eq(stat_of(g, SNOWID_STAT_ISSUED), 10);
		OK(snowid_generator_field(g, "worker", &value));
		ck_assert_uint_eq(value, i);
		last = id;
		snowid_generator_free(g);
	}
	(void)reused; /* sanitizers keep freed memory apart */
	snowid_config_free(config);
	snowid_clock_free(clock);
}

/* ---- errors -------------------------------------------------------------------------------- */

TEST(no_generator_is_silently_worker_0)
{
	static const struct {
		const char *kind;
		const char *field; /* the one that is asked for; NULL: none */
	} cases[] = {
		{"snowflake", "worker"},
		{"discord", "worker"},
		{"instagram", "shard"},
		{"sonyflake", "machine"},
		{"js53", "worker"},
		{"time:41,region:4,host:6,sequence:12", "region"},
		{"time:41,sequence:22", NULL},
		{"ulid", NULL},
		{"uuid1", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct snowid_config *config;
		struct snowid_generator *g = NULL;
		OK(snowid_config_new(&config));
		OK(snowid_config_set_kind(config, cases[i].kind));
		OK(snowid_config_set_store(config, "memory:"));
		if (cases[i].field) {
			EXPECT(snowid_generator_new(config, &g), SNOWID_E_WORKER);
			EXPECT_DETAIL(cases[i].field);
			ck_assert_ptr_null(g);
		} else {
			OK(snowid_generator_new(config, &g));
		}
		snowid_generator_free(g);
		snowid_config_free(config);
	}
}

TEST(a_field_that_is_not_the_nodes_may_be_left_0)
{
	struct snowid_config *const config = config_of("snowflake");
	struct snowid_generator *const g = generator_of(config);
	uint64_t value = 9;
	OK(snowid_generator_field(g, "datacenter", &value));
	ck_assert_uint_eq(value, 0);
	EXPECT(snowid_generator_field(g, "shard", &value), SNOWID_E_UNKNOWN);
	EXPECT(snowid_generator_field(g, "sequence", &value), SNOWID_E_INVALID);
	snowid_generator_free(g);
}

TEST(calls_for_the_other_width_are_refused)
{
	struct snowid_generator *const narrow = generator_of(config_of("snowflake"));
	struct snowid_generator *const wide = generator_of(config_of("ulid"));
	struct snowid_id128 id128;
	uint64_t id, wait;
	size_t made = 9;
	EXPECT(snowid_generator_next(wide, &id), SNOWID_E_KIND);
	EXPECT(snowid_generator_next_for(wide, 0, &id), SNOWID_E_KIND);
	EXPECT(snowid_generator_try_next(wide, &id, &wait), SNOWID_E_KIND);
	EXPECT(snowid_generator_next_batch(wide, &id, 1, 0, &made), SNOWID_E_KIND);
	ck_assert_uint_eq(made, 0);
	EXPECT(snowid_generator_next128(narrow, &id128), SNOWID_E_KIND);
	EXPECT(snowid_generator_next128_for(narrow, 0, &id128), SNOWID_E_KIND);
	EXPECT(snowid_generator_try_next128(narrow, &id128, &wait), SNOWID_E_KIND);
	EXPECT(snowid_generator_next128_batch(narrow, &id128, 1, 0, &made), SNOWID_E_KIND);
	EXPECT_DETAIL("snowflake");
	snowid_generator_free(narrow);
	snowid_generator_free(wide);
}

TEST(null_arguments_are_refused)
{
	struct snowid_config *const config = config_of("snowflake");
	struct snowid_generator *g;
	struct snowid_id128 id128;
	uint64_t value;
	size_t made;
	char text[8];
	EXPECT(snowid_generator_new(NULL, &g), SNOWID_E_INVALID);
	EXPECT(snowid_generator_new(config, NULL), SNOWID_E_INVALID);
	g = generator_of(config);
	EXPECT(snowid_generator_close(NULL, 0), SNOWID_E_INVALID);
	EXPECT(snowid_generator_next(NULL, &value), SNOWID_E_INVALID);
	EXPECT(snowid_generator_next(g, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_generator_next_for(NULL, 0, &value), SNOWID_E_INVALID);
	EXPECT(snowid_generator_next_for(g, 0, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_generator_try_next(NULL, &value, &value), SNOWID_E_INVALID);
	EXPECT(snowid_generator_try_next(g, NULL, &value), SNOWID_E_INVALID);
	EXPECT(snowid_generator_next_batch(NULL, &value, 1, 0, &made), SNOWID_E_INVALID);
	EXPECT(snowid_generator_next_batch(g, NULL, 1, 0, &made), SNOWID_E_INVALID);
	EXPECT(snowid_generator_next_batch(g, &value, 1, 0, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_generator_next128(NULL, &id128), SNOWID_E_INVALID);
	EXPECT(snowid_generator_next128(g, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_generator_next128_for(NULL, 0, &id128), SNOWID_E_INVALID);
	EXPECT(snowid_generator_try_next128(NULL, &id128, &value), SNOWID_E_INVALID);
	EXPECT(snowid_generator_next128_batch(NULL, &id128, 1, 0, &made), SNOWID_E_INVALID);
	EXPECT(snowid_generator_next128_batch(g, &id128, 1, 0, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_generator_available(NULL, &value), SNOWID_E_INVALID);
	EXPECT(snowid_generator_available(g, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_generator_maintain(NULL, &value), SNOWID_E_INVALID);
	EXPECT(snowid_generator_maintain(g, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_generator_field(NULL, "worker", &value), SNOWID_E_INVALID);
	EXPECT(snowid_generator_field(g, NULL, &value), SNOWID_E_INVALID);
	EXPECT(snowid_generator_field(g, "worker", NULL), SNOWID_E_INVALID);
	EXPECT(snowid_generator_get(NULL, "kind", text, sizeof text, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_generator_get(g, NULL, text, sizeof text, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_generator_stat(NULL, SNOWID_STAT_ISSUED, &value), SNOWID_E_INVALID);
	EXPECT(snowid_generator_stat(g, SNOWID_STAT_ISSUED, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_generator_stat(g, (enum snowid_stat)99, &value), SNOWID_E_INVALID);
	snowid_generator_free(NULL);
	snowid_generator_free(g);
}

TEST(settings_are_read_back_and_memory_needs_no_care)
{
	struct snowid_config *const config = config_of("snowflake");
	char text[32];
	uint64_t again;
	OK(snowid_config_set(config, "hold", "750ms"));
	struct snowid_generator *const g = generator_of(config);
	OK(snowid_generator_get(g, "hold", text, sizeof text, NULL));
	ck_assert_str_eq(text, "750ms");
	OK(snowid_generator_get(g, "field.worker", text, sizeof text, NULL));
	ck_assert_str_eq(text, "1");
	OK(snowid_generator_maintain(g, &again));
	ck_assert_uint_eq(again, UINT64_MAX);
	snowid_generator_free(g);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
