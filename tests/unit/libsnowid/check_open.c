/* SPDX-License-Identifier: MIT
 *
 * Opening generators: what has to be set, and what they have afterwards.
 */
#include "tests/unit/kinds.h"

TEST(field_of_the_worker_must_be_set)
{
	static const struct {
		const char *kind;
		const char *field; /* that the error names; NULL: no error */
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

TEST(one_call_opens_a_generator)
{
	struct snowid_generator *generator = NULL;
	char text[32];
	OK(snowid_generator_open(&generator, "snowflake", "worker=5", "field.datacenter=3",
				 "store=memory:", "timeout=7ms", (char *)NULL));
	ck_assert_uint_eq(field_of(generator, "worker"), 5);
	ck_assert_uint_eq(field_of(generator, "datacenter"), 3);
	OK(snowid_generator_get(generator, "timeout", text, sizeof text, NULL));
	ck_assert_str_eq(text, "7ms");
	snowid_generator_free(generator);
	OK(snowid_generator_open(&generator, "uuid7", (char *)NULL));
	snowid_generator_free(generator);
}

TEST(one_call_refuses_what_the_settings_refuse)
{
	static const struct {
		const char *kind, *pair;
		int error;
		const char *detail;
	} cases[] = {
		{"uuidv7", NULL, SNOWID_E_UNKNOWN, "did you mean uuid7?"},
		{"snowflake", NULL, SNOWID_E_WORKER, "worker"},
		{"snowflake", "worker", SNOWID_E_SYNTAX, "\"worker\" is not KEY=VALUE"},
		{"snowflake", "=5", SNOWID_E_SYNTAX, "\"=5\" is not KEY=VALUE"},
		{"snowflake", "", SNOWID_E_SYNTAX, "is not KEY=VALUE"},
		{"snowflake", "worker=32", SNOWID_E_RANGE, "from 0 to 31"},
		{"snowflake", "wroker=3", SNOWID_E_UNKNOWN, "did you mean worker?"},
		{"snowflake", "a_key_that_is_longer_than_any_setting_and_any_field_could_ever_be=1",
		 SNOWID_E_SYNTAX, "is not KEY=VALUE"},
	};
	struct snowid_generator *generator = NULL;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		EXPECT(snowid_generator_open(&generator, cases[i].kind, cases[i].pair,
					     (char *)NULL),
		       cases[i].error);
		EXPECT_DETAIL(cases[i].detail);
	}
	ck_assert_ptr_null(generator);
	EXPECT(snowid_generator_open(NULL, "ulid", (char *)NULL), SNOWID_E_INVALID);
	EXPECT(snowid_generator_open(&generator, NULL, (char *)NULL), SNOWID_E_INVALID);
}

TEST(other_fields_are_0_by_default)
{
	struct snowid_generator *const g = open_in_memory("snowflake");
	uint64_t value;
	ck_assert_uint_eq(field_of(g, "datacenter"), 0);
	EXPECT(snowid_generator_field(g, "shard", &value), SNOWID_E_UNKNOWN);
	EXPECT(snowid_generator_field(g, "sequence", &value), SNOWID_E_INVALID);
	snowid_generator_free(g);
}

/* A random node has the multicast bit (RFC 9562, section 6.10). */
TEST(random_node_of_uuids_is_multicast_and_kept)
{
	struct snowid_config *const config = kind_config("uuid6");
	struct snowid_generator *a, *b;
	struct snowid_id128 id, next;
	uint8_t node[6];
	unsigned clock_seq;
	OK(snowid_generator_new(config, &a));
	OK(snowid_generator_new(config, &b));
	ck_assert_uint_ne(field_of(a, "node"), field_of(b, "node"));
	OK(snowid_generator_next128(a, &id));
	OK(snowid_generator_next128(a, &next));
	ck_assert_mem_eq(id.bytes + 8, next.bytes + 8, 8);
	OK(snowid_uuid_node(&id, node));
	ck_assert_int_eq(node[0] & 1, 1);
	ck_assert_uint_eq((uint64_t)node[0] << 40 | (uint64_t)node[1] << 32 |
				  (uint64_t)node[2] << 24 | (uint64_t)node[3] << 16 |
				  (uint64_t)node[4] << 8 | node[5],
			  field_of(a, "node"));
	OK(snowid_uuid_clock_seq(&id, &clock_seq));
	ck_assert_uint_eq(clock_seq, field_of(a, "clock_seq"));
	snowid_generator_free(a);
	snowid_generator_free(b);
	snowid_config_free(config);
}

TEST(node_and_clock_sequence_of_uuids_can_be_set)
{
	struct snowid_config *const config = kind_config("uuid6");
	struct snowid_id128 id;
	uint8_t node[6];
	unsigned clock_seq;
	OK(snowid_config_set_field(config, "node", UINT64_C(0x020406080a0c)));
	OK(snowid_config_set_field(config, "clock_seq", 0x1234));
	struct snowid_generator *const g = open_config(config);
	OK(snowid_generator_next128(g, &id));
	OK(snowid_uuid_node(&id, node));
	ck_assert_mem_eq(node, "\x02\x04\x06\x08\x0a\x0c", 6);
	OK(snowid_uuid_clock_seq(&id, &clock_seq));
	ck_assert_uint_eq(clock_seq, 0x1234);
	snowid_generator_free(g);
}

TEST(settings_can_be_read_back)
{
	struct snowid_config *const config = kind_config("snowflake");
	char text[32];
	OK(snowid_config_set(config, "hold", "750ms"));
	struct snowid_generator *const g = open_config(config);
	OK(snowid_generator_get(g, "hold", text, sizeof text, NULL));
	ck_assert_str_eq(text, "750ms");
	OK(snowid_generator_get(g, "field.worker", text, sizeof text, NULL));
	ck_assert_str_eq(text, "1");
	snowid_generator_free(g);
}

TEST(memory_needs_no_maintenance)
{
	struct snowid_generator *const g = open_in_memory("snowflake");
	uint64_t again;
	OK(snowid_generator_maintain(g, &again));
	ck_assert_uint_eq(again, UINT64_MAX);
	OK(snowid_generator_stat(g, SNOWID_STAT_LEFT_NS, &again));
	ck_assert_uint_eq(again, UINT64_MAX);
	OK(snowid_generator_close(g, 0));
	OK(snowid_generator_stat(g, SNOWID_STAT_LEFT_NS, &again));
	ck_assert_uint_eq(again, 0);
	snowid_generator_free(g);
}

TEST(successive_generators_within_a_millisecond_never_share_an_id)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_config *const config = kind_config("snowflake");
	uint64_t last = 0, id;
	OK(snowid_config_set_clock(config, clock));
	for (int i = 0; i < 50; i++) { /* three in a millisecond */
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

/* The clock is not set back. Opening waits for none of them either. */
TEST(successive_generators_never_share_an_id_that_one_has_borrowed)
{
	enum { GENERATORS = 20, MOST = 200 };
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_config *const config = kind_config("time:45,worker:10,sequence:2");
	static uint64_t ids[GENERATORS * MOST];
	uint64_t before, after;
	size_t count = 0, made;
	OK(snowid_config_set_clock(config, clock));
	OK(snowid_config_set(config, "borrow", "20ms"));
	for (int i = 0; i < GENERATORS; i++) {
		struct snowid_generator *g;
		OK(snowid_clock_read(clock, NULL, NULL, &before));
		OK(snowid_generator_new(config, &g));
		OK(snowid_clock_read(clock, NULL, NULL, &after));
		ck_assert_uint_eq(before, after);
		OK(snowid_clock_advance(clock, 7 * MS));
		EXPECT(snowid_generator_next_batch(g, ids + count, MOST, 0, &made),
		       SNOWID_E_EXHAUSTED);
		ck_assert_uint_ge(made, 24);
		count += made;
		snowid_generator_free(g);
	}
	expect_unique(ids, count);
	snowid_config_free(config);
	snowid_clock_free(clock);
}

/* Its memory may be at the address of the one before. */
TEST(generator_keeps_nothing_of_one_that_was_freed)
{
	struct snowid_config *const config = kind_config("snowflake");
	struct snowid_clock *const clock = manual_clock(START);
	uint64_t last = 0;
	OK(snowid_config_set_clock(config, clock));
	for (uint64_t i = 0; i < 20; i++) {
		struct snowid_generator *g;
		OK(snowid_config_set_field(config, "worker", i));
		OK(snowid_generator_new(config, &g));
		uint64_t id = 0;
		for (int n = 0; n < 10; n++) {
			id = next_id(g);
			ck_assert_uint_eq(id >> 12 & 31, i);
			ck_assert_uint_gt(id >> 22, last >> 22);
		}
		ck_assert_uint_eq(stat_of(g, SNOWID_STAT_ISSUED), 10);
		ck_assert_uint_eq(field_of(g, "worker"), i);
		last = id;
		snowid_generator_free(g);
	}
	snowid_config_free(config);
	snowid_clock_free(clock);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
