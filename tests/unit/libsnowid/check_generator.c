/* SPDX-License-Identifier: MIT
 *
 * Generators: what their IDs contain, in calls and in batches.
 */
#include "tests/unit/kinds.h"

TEST(ids_contain_their_time_and_fields)
{
	static const struct {
		const char *kind, *node;
		uint64_t ms;
	} cases[] = {{"snowflake", "worker", 1},   {"twitter", "worker", 1},
		     {"discord", "worker", 1},     {"instagram", "shard", 1},
		     {"sonyflake", "machine", 10}, {"js53", "worker", 1}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct snowid_clock *clock;
		struct snowid_generator *const g = open_on_manual_clock(cases[i].kind, &clock);
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

TEST(ulids_and_uuids_contain_their_time)
{
	static const char *const names[] = {"ulid", "uuid1", "uuid6", "uuid7"};
	static const unsigned versions[] = {0, 1, 6, 7};
	for (size_t i = 0; i < 4; i++) {
		struct snowid_clock *clock;
		struct snowid_generator *const g = open_on_manual_clock(names[i], &clock);
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
		/* Versions 1 and 6 use slots of the last millisecond first. */
		ck_assert_int_le(ms, START * INT64_C(1000) + 123);
		ck_assert_int_ge(ms, START * INT64_C(1000) +
					     (versions[i] == 1 || versions[i] == 6 ? 122 : 123));
		snowid_generator_free(g);
		snowid_clock_free(clock);
	}
}

TEST(batch_spans_ticks_in_order)
{
	struct snowid_clock *clock;
	struct snowid_generator *const g = open_on_manual_clock("snowflake", &clock);
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

TEST(batch_that_times_out_keeps_its_ids)
{
	struct snowid_clock *clock;
	struct snowid_generator *const g = open_on_manual_clock("snowflake", &clock);
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

static void next_sortable_batch(struct snowid_generator *g, const char *kind,
				struct sortable_id *ids, size_t count)
{
	static struct snowid_id128 wide[3000];
	static uint64_t narrow[3000];
	size_t made;
	if (has_128_bits(kind))
		OK(snowid_generator_next128_batch(g, wide, count, UINT64_MAX, &made));
	else
		OK(snowid_generator_next_batch(g, narrow, count, UINT64_MAX, &made));
	for (size_t i = 0; i < count; i++)
		ids[i] = has_128_bits(kind) ? sortable_from(kind, &wide[i])
					    : (struct sortable_id){0, narrow[i]};
}

TEST_EACH(ids_of_every_kind_increase_in_calls_and_batches, KINDS)
{
	const char *const kind = all_kinds[nth];
	struct snowid_generator *const g = open_in_memory(kind);
	static struct sortable_id ids[6000];
	for (size_t i = 0; i < 3000; i++)
		OK(next_sortable(g, kind, &ids[i]));
	next_sortable_batch(g, kind, ids + 3000, 3000);
	for (size_t i = 1; i < 6000; i++)
		if (compare_sortable(&ids[i - 1], &ids[i]) >= 0)
			ck_abort_msg("ID %zu is not above the one before", i);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_ISSUED), 6000);
	snowid_generator_free(g);
}

/* Two in a row have the same 48 bits once in 2^48. */
TEST(each_id_has_random_bits_of_its_own)
{
	static const char *const names[] = {"ulid", "uuid7"};
	for (size_t k = 0; k < 2; k++) {
		struct snowid_generator *const g = open_in_memory(names[k]);
		static struct snowid_id128 ids[1000];
		size_t made;
		OK(snowid_generator_next128_batch(g, ids, 1000, UINT64_MAX, &made));
		for (size_t i = 1; i < 1000; i++)
			ck_assert_mem_ne(ids[i].bytes + 10, ids[i - 1].bytes + 10, 6);
		snowid_generator_free(g);
	}
}

TEST(spread_makes_slow_generators_cover_all_residues)
{
	struct snowid_clock *clock;
	struct snowid_config *const config = kind_config("snowflake");
	bool seen[16] = {false};
	uint64_t id;
	OK(snowid_config_set(config, "spread", "true"));
	OK(snowid_clock_new_manual(START, 0, &clock));
	OK(snowid_config_set_clock(config, clock));
	struct snowid_generator *const g = open_config(config);
	for (int i = 0; i < 1000; i++) {
		OK(snowid_clock_advance(clock, 10 * MS));
		OK(snowid_generator_next(g, &id));
		seen[id % 16] = true;
	}
	for (int i = 0; i < 16; i++)
		ck_assert_msg(seen[i], "no ID is %d modulo 16", i);
	/* A tick still holds at least half of its IDs. */
	uint64_t available;
	OK(snowid_clock_advance(clock, 10 * MS));
	OK(snowid_generator_available(g, &available));
	ck_assert_uint_ge(available, 2048);
	ck_assert_uint_le(available, 4096);
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(ticks_start_at_0_without_spread)
{
	struct snowid_clock *clock;
	struct snowid_generator *const g = open_on_manual_clock("snowflake", &clock);
	uint64_t id;
	for (int i = 0; i < 10; i++) {
		OK(snowid_clock_advance(clock, 10 * MS));
		OK(snowid_generator_next(g, &id));
		ck_assert_uint_eq(id & 4095, 0);
	}
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

TEST(calls_for_the_other_width_are_rejected)
{
	struct snowid_generator *const narrow = open_in_memory("snowflake");
	struct snowid_generator *const wide = open_in_memory("ulid");
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

TEST(generator_calls_reject_null)
{
	struct snowid_config *const config = kind_config("snowflake");
	struct snowid_generator *g;
	struct snowid_id128 id128;
	uint64_t value;
	size_t made;
	char text[8];
	EXPECT(snowid_generator_new(NULL, &g), SNOWID_E_INVALID);
	EXPECT(snowid_generator_new(config, NULL), SNOWID_E_INVALID);
	g = open_config(config);
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
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_LEASE), SNOWID_LEASE_NONE);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_EPOCH), 0);
	ck_assert_uint_eq(stat_of(g, SNOWID_STAT_WORKERS_FREE), UINT64_MAX);
	snowid_generator_free(NULL);
	snowid_generator_free(g);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
