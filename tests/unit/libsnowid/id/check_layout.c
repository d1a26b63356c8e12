/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "libsnowid/base/instant.h"
#include "tests/unit/check.h"
#include "tests/unit/random.h"
#include "tests/unit/tsv.h"

static struct snowid_layout *new_layout(const char *spec)
{
	struct snowid_layout *layout = NULL;
	OK(snowid_layout_new(spec, &layout));
	return layout;
}

static uint64_t layout_info(const struct snowid_layout *layout, enum snowid_layout_info which)
{
	uint64_t value;
	OK(snowid_layout_info(layout, which, &value));
	return value;
}

/* Columns: layout, epoch in ms, ID, fields, source. */
static void expect_published_layout(char *column[TSV_COLUMNS])
{
	char spec[200], *rest = column[3], *field;
	const uint64_t id = strtoull(column[2], NULL, 10);
	uint64_t built = 0, value;
	int64_t ms;

	snprintf(spec, sizeof spec, "%s;epoch=%s", column[0], column[1]);
	struct snowid_layout *const layout = new_layout(spec);
	while ((field = strsep(&rest, " "))) {
		char *const equals = strchr(field, '=');
		*equals = '\0';
		const uint64_t expected = strtoull(equals + 1, NULL, 10);
		if (strcmp(field, "unix_ms") == 0) {
			OK(snowid_layout_time_ms(layout, id, &ms));
			ck_assert_int_eq(ms, (int64_t)expected);
			OK(snowid_layout_first_at(layout, ms / 1000,
						  (uint32_t)(ms % 1000) * 1000000, &value));
			built |= value;
		} else {
			OK(snowid_layout_field(layout, id, field, &value));
			ck_assert_uint_eq(value, expected);
			OK(snowid_layout_set_field(layout, field, expected, &built));
		}
	}
	ck_assert_uint_eq(built, id);
	snowid_layout_free(layout);
}

TEST(published_ids_are_decoded_and_encoded)
{
	ck_assert_int_eq(tsv_read(VECTORS "/layouts.tsv", expect_published_layout), 4);
}

TEST(presets_are_as_published)
{
	static const struct {
		const char *name;
		const char *spec;
	} cases[] = {
		{"snowflake",
		 "time:41,datacenter:5,worker:5,sequence:12;epoch=2021-01-01T00:00:00.000Z;"
		 "unit=1ms"},
		{"twitter",
		 "time:41,datacenter:5,worker:5,sequence:12;epoch=2010-11-04T01:42:54.657Z;"
		 "unit=1ms"},
		{"discord",
		 "time:42,worker:5,process:5,sequence:12;epoch=2015-01-01T00:00:00.000Z;unit=1ms"},
		{"instagram",
		 "time:41,shard:13,sequence:10;epoch=2011-08-24T21:07:01.721Z;unit=1ms"},
		{"sonyflake",
		 "time:39,sequence:8,machine:16;epoch=2014-09-01T00:00:00.000Z;unit=10ms"},
		{"js53", "time:41,worker:6,sequence:6;epoch=2021-01-01T00:00:00.000Z;unit=1ms"},
	};
	size_t i = 0;
	for (; i < sizeof cases / sizeof cases[0]; i++) {
		char text[200];
		size_t length;
		ck_assert_str_eq(snowid_layout_preset(i), cases[i].name);
		struct snowid_layout *const layout = new_layout(cases[i].name);
		OK(snowid_layout_format(layout, text, sizeof text, &length));
		ck_assert_str_eq(text, cases[i].spec);
		ck_assert_uint_eq(length, strlen(text));
		struct snowid_layout *const again = new_layout(text);
		ck_assert_uint_eq(layout_info(again, SNOWID_LAYOUT_FINGERPRINT),
				  layout_info(layout, SNOWID_LAYOUT_FINGERPRINT));
		snowid_layout_free(again);
		snowid_layout_free(layout);
	}
	ck_assert_ptr_null(snowid_layout_preset(i));
}

TEST(preset_can_have_another_epoch_and_unit)
{
	struct snowid_layout *const layout =
		new_layout("snowflake;epoch=2024-01-01T00:00:00Z;unit=10ms");
	int64_t sec;
	uint32_t nsec;
	OK(snowid_layout_first_time(layout, &sec, &nsec));
	ck_assert_int_eq(sec, 1704067200);
	ck_assert_uint_eq(layout_info(layout, SNOWID_LAYOUT_UNIT_NS), 10000000);
	snowid_layout_free(layout);
}

TEST(bad_specs_are_rejected)
{
	static const struct {
		const char *spec;
		int error;
		const char *detail;
	} cases[] = {
		{"", SNOWID_E_UNKNOWN, "no preset \"\""},
		{"snowflak", SNOWID_E_UNKNOWN, "snowflak"},
		{"Snowflake", SNOWID_E_UNKNOWN, "Snowflake"},
		{"worker:5", SNOWID_E_SYNTAX, "first field is \"worker\", but"},
		{"time:41,", SNOWID_E_SYNTAX, "NAME:BITS"},
		{"time:", SNOWID_E_SYNTAX, "\"time:\""},
		{"time:x", SNOWID_E_SYNTAX, "not a number"},
		{"time:-1", SNOWID_E_SYNTAX, "not a number"},
		{"time:041", SNOWID_E_SYNTAX, "NAME:BITS"},
		{"time:0", SNOWID_E_RANGE, "0 bits"},
		{"time:65", SNOWID_E_RANGE, "1 to 64 to stay"},
		{"time:41,worker:24", SNOWID_E_RANGE, "1 to 23 to stay"},
		{"time:41,sequence:0", SNOWID_E_RANGE, "0 bits"},
		{"time:41,time:5", SNOWID_E_SYNTAX, "twice"},
		{"time:41,sequence:5,sequence:6", SNOWID_E_SYNTAX, "twice"},
		{"time:41,Worker:5", SNOWID_E_SYNTAX, "field name"},
		{"time:41,5w:5", SNOWID_E_SYNTAX, "field name"},
		{"time:41, worker:5", SNOWID_E_SYNTAX, "field name"},
		{"time:41,kind:5", SNOWID_E_SYNTAX, "another name"},
		{"time:41,id:5", SNOWID_E_SYNTAX, "another name"},
		{"time:41,unix_ms:5", SNOWID_E_SYNTAX, "another name"},
		{"time:41,:5", SNOWID_E_SYNTAX, "field name"},
		{"time:41,abcdefghijklmnopqrstuvwxyz123456:5", SNOWID_E_SYNTAX, "field name"},
		{"time:41;", SNOWID_E_UNKNOWN, "option"},
		{"time:41;ticks=1", SNOWID_E_UNKNOWN, "ticks=1"},
		{"time:41;epoch", SNOWID_E_UNKNOWN, "epoch"},
		{"time:41;epoch=", SNOWID_E_SYNTAX, "instant"},
		{"time:41;epoch=yesterday", SNOWID_E_SYNTAX, "yesterday"},
		{"time:41;epoch=1500-01-01", SNOWID_E_RANGE, "1582"},
		{"time:41;epoch=2024-01-01T00:00:00.00000001Z", SNOWID_E_RANGE, "100 ns"},
		{"time:41;unit=1", SNOWID_E_SYNTAX, "unit"},
		{"time:41;unit=0", SNOWID_E_RANGE, "multiple of 100ns"},
		{"time:41;unit=50ns", SNOWID_E_RANGE, "multiple of 100ns"},
		{"time:41;unit=1001ms", SNOWID_E_RANGE, "up to 1s"},
		{"time:41;unit=2s", SNOWID_E_RANGE, "up to 1s"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct snowid_layout *layout = NULL;
		const int error = snowid_layout_new(cases[i].spec, &layout);
		ck_assert_msg(error == cases[i].error, "\"%s\" gave %d", cases[i].spec, error);
		ck_assert_ptr_null(layout);
		EXPECT_DETAIL(cases[i].detail);
	}
}

TEST(layout_ends_with_its_bits_or_in_9999)
{
	struct snowid_layout *layout = new_layout("twitter");
	char text[SNOWID_TIME_TEXT];
	int64_t sec;
	uint32_t nsec;
	OK(snowid_layout_last_time(layout, &sec, &nsec));
	OK(snowid_time_format(sec, nsec, text));
	ck_assert_str_eq(text, "2080-07-10T17:30:30.208Z"); /* layouts.tsv */
	snowid_layout_free(layout);

	layout = new_layout("time:64;unit=100ns");
	OK(snowid_layout_last_time(layout, &sec, &nsec));
	OK(snowid_time_format(sec, nsec, text));
	ck_assert_str_eq(text, "9999-12-31T23:59:59.999999900Z");
	snowid_layout_free(layout);
}

TEST(times_after_the_year_9999_are_decoded)
{
	struct snowid_layout *layout = new_layout("time:48,sequence:16");
	char text[SNOWID_TIME_TEXT];
	int64_t sec, ms;
	uint32_t nsec;
	OK(snowid_layout_time(layout, UINT64_MAX, &sec, &nsec)); /* 10889-08-02T05:31:50.655Z */
	ck_assert_int_eq(sec, 281474976710);
	ck_assert_uint_eq(nsec, 655000000);
	OK(snowid_layout_time_ms(layout, UINT64_MAX, &ms));
	ck_assert_int_eq(ms, (INT64_C(1) << 48) - 1);
	EXPECT(snowid_time_format(sec, nsec, text), SNOWID_E_RANGE);
	snowid_layout_free(layout);
}

TEST(times_that_64_bits_cannot_count_are_refused)
{
	struct snowid_layout *layout = new_layout("time:64;unit=1s");
	int64_t sec = 1, ms = 1;
	uint32_t nsec = 1;
	EXPECT(snowid_layout_time(layout, UINT64_MAX, &sec, &nsec), SNOWID_E_RANGE);
	EXPECT(snowid_layout_time_ms(layout, UINT64_MAX, &ms), SNOWID_E_RANGE);
	OK(snowid_layout_time(layout, INT64_MAX, &sec, &nsec));
	ck_assert_int_eq(sec, INT64_MAX);
	EXPECT(snowid_layout_time_ms(layout, INT64_MAX, &ms), SNOWID_E_RANGE);
	ck_assert_int_eq(ms, 1);
	OK(snowid_layout_time_ms(layout, INT64_MAX / 1000, &ms));
	snowid_layout_free(layout);
}

TEST(layout_info_gives_its_capacity)
{
	struct snowid_layout *const layout = new_layout("sonyflake");
	const char *name;
	unsigned bits, shift;
	ck_assert_uint_eq(layout_info(layout, SNOWID_LAYOUT_BITS), 63);
	ck_assert_uint_eq(layout_info(layout, SNOWID_LAYOUT_FIELDS), 3);
	ck_assert_uint_eq(layout_info(layout, SNOWID_LAYOUT_UNIT_NS), 10000000);
	ck_assert_uint_eq(layout_info(layout, SNOWID_LAYOUT_IDS_PER_TICK), 256);
	ck_assert_uint_eq(layout_info(layout, SNOWID_LAYOUT_NODES), 65536);
	ck_assert_uint_eq(layout_info(layout, SNOWID_LAYOUT_LAST_TICK), (UINT64_C(1) << 39) - 1);
	OK(snowid_layout_field_at(layout, 1, &name, &bits, &shift));
	ck_assert_str_eq(name, "sequence");
	ck_assert_uint_eq(bits, 8);
	ck_assert_uint_eq(shift, 16);
	OK(snowid_layout_field_at(layout, 2, NULL, NULL, NULL));
	EXPECT(snowid_layout_field_at(layout, 3, &name, &bits, &shift), SNOWID_E_RANGE);
	uint64_t value;
	EXPECT(snowid_layout_info(layout, (enum snowid_layout_info)99, &value), SNOWID_E_INVALID);
	snowid_layout_free(layout);
}

TEST(fits_until_gives_the_last_time_of_63_and_53_bits)
{
	struct snowid_layout *layout = new_layout("instagram");
	char text[SNOWID_TIME_TEXT];
	int64_t sec;
	uint32_t nsec;

	/* Bit 63 is set 2^40 ms after 2011-08-24T21:07:01.721Z. */
	OK(snowid_layout_fits_until(layout, 63, &sec, &nsec));
	ck_assert_int_eq(sec * 1000 + nsec / 1000000, 1314220021721 + (INT64_C(1) << 40) - 1);
	OK(snowid_layout_fits_until(layout, 53, &sec, &nsec));
	ck_assert_int_eq(sec * 1000 + nsec / 1000000, 1314220021721 + (INT64_C(1) << 30) - 1);
	EXPECT(snowid_layout_fits_until(layout, 22, &sec, &nsec), SNOWID_E_RANGE);
	EXPECT(snowid_layout_fits_until(layout, 0, &sec, &nsec), SNOWID_E_RANGE);
	EXPECT(snowid_layout_fits_until(layout, 65, &sec, &nsec), SNOWID_E_RANGE);
	OK(snowid_layout_fits_until(layout, 23, &sec, &nsec));
	snowid_layout_free(layout);

	layout = new_layout("js53");
	OK(snowid_layout_fits_until(layout, 53, &sec, &nsec));
	OK(snowid_time_format(sec, nsec, text));
	ck_assert_str_eq(text, "2090-09-07T15:47:35.551Z"); /* 2021-01-01 + 2^41 - 1 ms */
	snowid_layout_free(layout);
}

TEST(first_and_last_id_enclose_a_tick_of_the_layout)
{
	struct snowid_layout *const layout =
		new_layout("time:41,worker:10,sequence:12;epoch=1000;unit=10ms");
	uint64_t first, last;
	/* 1 s + 25 ms after the epoch: tick 102. */
	OK(snowid_layout_first_at(layout, 2, 25000000, &first));
	OK(snowid_layout_last_at(layout, 2, 25000000, &last));
	ck_assert_uint_eq(first, UINT64_C(102) << 22);
	ck_assert_uint_eq(last, (UINT64_C(103) << 22) - 1);
	snowid_layout_free(layout);
}

TEST(first_and_last_id_are_clamped_to_the_layout)
{
	struct snowid_layout *const layout = new_layout("instagram");
	uint64_t first = 1, last = 1;
	EXPECT(snowid_layout_first_at(layout, 0, 0, &first), SNOWID_E_RANGE);
	EXPECT_DETAIL("Z is before the layout");
	EXPECT(snowid_layout_last_at(layout, INT64_MIN, 0, &last), SNOWID_E_RANGE);
	ck_assert_uint_eq(first, 0);
	ck_assert_uint_eq(last, (1 << 23) - 1);
	EXPECT(snowid_layout_first_at(layout, INT64_MAX, 999999999, &first), SNOWID_E_RANGE);
	EXPECT_DETAIL("after the layout");
	EXPECT(snowid_layout_last_at(layout, 5000000000, 0, &last), SNOWID_E_RANGE);
	ck_assert_uint_eq(first, UINT64_MAX << 23);
	ck_assert_uint_eq(last, UINT64_MAX);
	first = 77;
	EXPECT(snowid_layout_first_at(layout, 0, 1000000000, &first), SNOWID_E_INVALID);
	ck_assert_uint_eq(first, 77);
	snowid_layout_free(layout);
}

/* ---- ranges ---------------------------------------------------------------------------------- */

#define RANGE_LAYOUT "time:41,worker:10,sequence:12;epoch=1000;unit=10ms"

TEST(ranges_that_adjoin_neither_overlap_nor_leave_a_gap)
{
	struct snowid_layout *const layout = new_layout(RANGE_LAYOUT);
	uint64_t first, last, next_first, next_last;
	/* From 1 s + 25 ms to 35 ms to 35.000001 ms after the epoch: ticks 102 and 103. */
	OK(snowid_layout_range(layout, 2, 25000000, 2, 35000000, &first, &last));
	OK(snowid_layout_range(layout, 2, 35000000, 3, 0, &next_first, &next_last));
	ck_assert_uint_eq(first, UINT64_C(102) << 22);
	ck_assert_uint_eq(last, (UINT64_C(103) << 22) - 1);
	ck_assert_uint_eq(next_first, last + 1);
	ck_assert_uint_eq(next_last, (UINT64_C(200) << 22) - 1);
	snowid_layout_free(layout);
}

TEST(a_range_within_one_tick_is_empty)
{
	struct snowid_layout *const layout = new_layout(RANGE_LAYOUT);
	uint64_t first, last;
	OK(snowid_layout_range(layout, 2, 25000000, 2, 25000000, &first, &last));
	ck_assert_uint_eq(first, UINT64_C(102) << 22);
	ck_assert_uint_eq(last, first - 1);
	OK(snowid_layout_range(layout, 2, 21000000, 2, 29000000, &first, &last));
	ck_assert_uint_eq(last, first - 1);
	OK(snowid_layout_range(layout, 1, 0, 1, 0, &first, &last)); /* where the first ID is 0 */
	ck_assert_uint_eq(first, 1);
	ck_assert_uint_eq(last, 0);
	OK(snowid_layout_range(layout, INT64_MIN, 0, 1, 0, &first, &last));
	ck_assert_uint_eq(first, 1);
	ck_assert_uint_eq(last, 0);
	snowid_layout_free(layout);
}

TEST(an_endless_range_has_the_first_or_the_last_id)
{
	struct snowid_layout *layout = new_layout(RANGE_LAYOUT);
	uint64_t first, last;
	OK(snowid_layout_range(layout, INT64_MIN, 0, INT64_MAX, 0, &first, &last));
	ck_assert_uint_eq(first, 0);
	ck_assert_uint_eq(last, INT64_MAX);
	OK(snowid_layout_range(layout, 2, 0, INT64_MAX, 0, &first, &last));
	ck_assert_uint_eq(first, UINT64_C(100) << 22);
	ck_assert_uint_eq(last, INT64_MAX);
	snowid_layout_free(layout);

	layout = new_layout("time:48,sequence:16"); /* IDs after the year 9999 too */
	OK(snowid_layout_range(layout, 0, 0, INT64_MAX, 0, &first, &last));
	ck_assert_uint_eq(last, UINT64_MAX);
	OK(snowid_layout_range(layout, 0, 0, 253402300800, 0, &first, &last));
	ck_assert_uint_eq(last, (UINT64_C(253402300800000) << 16) - 1);
	snowid_layout_free(layout);
}

TEST(a_range_may_end_with_the_layout)
{
	struct snowid_layout *const layout = new_layout("time:3,sequence:2;unit=1s");
	uint64_t first = 7, last = 7;
	OK(snowid_layout_range(layout, 7, 0, 8, 0, &first, &last));
	ck_assert_uint_eq(first, 28);
	ck_assert_uint_eq(last, 31);
	EXPECT(snowid_layout_range(layout, 7, 0, 8, 1, &first, &last), SNOWID_E_RANGE);
	EXPECT_DETAIL("1970-01-01T00:00:08.000000001Z is after the layout");
	EXPECT(snowid_layout_range(layout, 8, 0, 8, 0, &first, &last), SNOWID_E_RANGE);
	EXPECT(snowid_layout_range(layout, 8, 0, INT64_MAX, 0, &first, &last), SNOWID_E_RANGE);
	EXPECT(snowid_layout_range(layout, -1, 999999999, 1, 0, &first, &last), SNOWID_E_RANGE);
	EXPECT_DETAIL("is before the layout");
	EXPECT(snowid_layout_range(layout, INT64_MIN, 0, -1, 0, &first, &last), SNOWID_E_RANGE);
	ck_assert(first == 28 && last == 31);
	snowid_layout_free(layout);
}

TEST(a_range_that_ends_before_it_begins_is_refused)
{
	struct snowid_layout *const layout = new_layout(RANGE_LAYOUT);
	uint64_t first, last;
	EXPECT(snowid_layout_range(layout, 3, 0, 2, 999999999, &first, &last), SNOWID_E_RANGE);
	EXPECT_DETAIL("1970-01-01T00:00:02.999999999Z, before it begins at "
		      "1970-01-01T00:00:03.000Z");
	EXPECT(snowid_layout_range(layout, 3, 1, 3, 0, &first, &last), SNOWID_E_RANGE);
	EXPECT(snowid_layout_range(layout, 3, 1000000000, 4, 0, &first, &last), SNOWID_E_INVALID);
	EXPECT(snowid_layout_range(layout, 3, 0, 4, 1000000000, &first, &last), SNOWID_E_INVALID);
	EXPECT(snowid_layout_range(NULL, 3, 0, 4, 0, &first, &last), SNOWID_E_INVALID);
	EXPECT(snowid_layout_range(layout, 3, 0, 4, 0, NULL, &last), SNOWID_E_INVALID);
	EXPECT(snowid_layout_range(layout, 3, 0, 4, 0, &first, NULL), SNOWID_E_INVALID);
	snowid_layout_free(layout);
}

TEST(unknown_fields_and_large_values_are_rejected)
{
	struct snowid_layout *const layout = new_layout("js53");
	uint64_t value = 7, id = 0;
	EXPECT(snowid_layout_field(layout, 0, "shard", &value), SNOWID_E_UNKNOWN);
	EXPECT(snowid_layout_field(layout, UINT64_C(1) << 53, "worker", &value), SNOWID_E_RANGE);
	EXPECT(snowid_layout_set_field(layout, "worker", 64, &id), SNOWID_E_RANGE);
	EXPECT_DETAIL("from 0 to 63, not 64");
	EXPECT(snowid_layout_set_field(layout, "shard", 1, &id), SNOWID_E_UNKNOWN);
	ck_assert_uint_eq(id, 0);
	ck_assert_uint_eq(value, 7);
	OK(snowid_layout_set_field(layout, "worker", 63, &id));
	OK(snowid_layout_set_field(layout, "worker", 5, &id)); /* overwrites it */
	ck_assert_uint_eq(id, 5 << 6);
	id = UINT64_C(1) << 53;
	EXPECT(snowid_layout_set_field(layout, "worker", 1, &id), SNOWID_E_RANGE);
	snowid_layout_free(layout);
}

TEST(small_buffer_gets_what_fits)
{
	struct snowid_layout *const layout = new_layout("time:41");
	char text[8] = "xxxxxxx";
	size_t length = 0;
	EXPECT(snowid_layout_format(layout, text, 5, &length), SNOWID_E_RANGE);
	ck_assert_str_eq(text, "time");
	ck_assert_uint_eq(length, strlen("time:41;epoch=1970-01-01T00:00:00.000Z;unit=1ms"));
	EXPECT(snowid_layout_format(layout, NULL, 0, &length), SNOWID_E_RANGE);
	EXPECT(snowid_layout_format(layout, NULL, 5, &length), SNOWID_E_INVALID);
	snowid_layout_free(layout);
}

TEST(fingerprint_depends_on_numbers_not_on_names)
{
	static const char *const differ[] = {
		"time:41,worker:10,sequence:12",
		"time:41,worker:11,sequence:11",
		"time:41,sequence:12,worker:10",
		"time:41,worker:10,sequence:12;epoch=1",
		"time:41,worker:10,sequence:12;unit=10ms",
		"time:41,a:5,b:5,sequence:12",
		"time:41,a:10,b:12",
	};
	struct snowid_layout *layouts[sizeof differ / sizeof differ[0]];
	const size_t count = sizeof differ / sizeof differ[0];
	for (size_t i = 0; i < count; i++) {
		layouts[i] = new_layout(differ[i]);
		for (size_t j = 0; j < i; j++)
			ck_assert_uint_ne(layout_info(layouts[i], SNOWID_LAYOUT_FINGERPRINT),
					  layout_info(layouts[j], SNOWID_LAYOUT_FINGERPRINT));
	}
	struct snowid_layout *const same =
		new_layout("time:41,node:10,sequence:12;epoch=1970-01-01;"
			   "unit=1000us");
	ck_assert_uint_eq(layout_info(same, SNOWID_LAYOUT_FINGERPRINT),
			  layout_info(layouts[0], SNOWID_LAYOUT_FINGERPRINT));
	snowid_layout_free(same);
	for (size_t i = 0; i < count; i++)
		snowid_layout_free(layouts[i]);
}

/* 0 as the bound: any 64 bits. */
static uint64_t random_value(uint64_t below)
{
	static uint64_t state;
	const uint64_t random = test_random(&state);
	return below ? random % below : random;
}

TEST(fields_of_random_layouts_are_read_back)
{
	for (int round = 0; round < 5000; round++) {
		char spec[400], name[16];
		uint64_t values[8], id = 0;
		unsigned widths[8], total = 1 + (unsigned)random_value(40);
		const size_t others = (size_t)random_value(7);
		int used = snprintf(spec, sizeof spec, "time:%u", total);

		widths[0] = total;
		for (size_t i = 1; i <= others; i++) {
			const unsigned left = 64 - total;
			widths[i] = left ? 1 + (unsigned)random_value(left) : 0;
			total += widths[i];
			if (widths[i])
				used += snprintf(spec + used, sizeof spec - (size_t)used,
						 ",f%zu:%u", i, widths[i]);
		}
		snprintf(spec + used, sizeof spec - (size_t)used,
			 ";epoch=%" PRIu64 ";unit=%" PRIu64 "ns", random_value(4000000000000),
			 100 * (1 + random_value(10000000)));
		struct snowid_layout *const layout = new_layout(spec);
		values[0] = random_value(0) & (UINT64_MAX >> (64 - widths[0]));
		if (values[0] > layout_info(layout, SNOWID_LAYOUT_LAST_TICK))
			values[0] = layout_info(layout, SNOWID_LAYOUT_LAST_TICK);
		OK(snowid_layout_set_field(layout, "time", values[0], &id));
		for (size_t i = 1; i <= others; i++) {
			if (!widths[i])
				continue;
			values[i] = random_value(0) & (UINT64_MAX >> (64 - widths[i]));
			snprintf(name, sizeof name, "f%zu", i);
			OK(snowid_layout_set_field(layout, name, values[i], &id));
		}
		for (size_t i = 0; i <= others; i++) {
			uint64_t value;
			if (!widths[i])
				continue;
			snprintf(name, sizeof name, "f%zu", i);
			OK(snowid_layout_field(layout, id, i ? name : "time", &value));
			ck_assert_uint_eq(value, values[i]);
		}
		int64_t sec;
		uint32_t nsec;
		uint64_t first, last;
		OK(snowid_layout_time(layout, id, &sec, &nsec));
		OK(snowid_layout_first_at(layout, sec, nsec, &first));
		OK(snowid_layout_last_at(layout, sec, nsec, &last));
		ck_assert_msg(first <= id && id <= last, "%s: %" PRIu64, spec, id);
		snowid_layout_free(layout);
	}
}

TEST(layout_calls_reject_null)
{
	struct snowid_layout *const layout = new_layout("snowflake");
	struct snowid_layout *out;
	uint64_t value;
	int64_t sec;
	uint32_t nsec;
	EXPECT(snowid_layout_new(NULL, &out), SNOWID_E_INVALID);
	EXPECT(snowid_layout_new("snowflake", NULL), SNOWID_E_INVALID);
	EXPECT(snowid_layout_field(NULL, 0, "time", &value), SNOWID_E_INVALID);
	EXPECT(snowid_layout_field(layout, 0, NULL, &value), SNOWID_E_INVALID);
	EXPECT(snowid_layout_field(layout, 0, "time", NULL), SNOWID_E_INVALID);
	EXPECT(snowid_layout_set_field(NULL, "time", 0, &value), SNOWID_E_INVALID);
	EXPECT(snowid_layout_set_field(layout, NULL, 0, &value), SNOWID_E_INVALID);
	EXPECT(snowid_layout_set_field(layout, "time", 0, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_layout_time(NULL, 0, &sec, &nsec), SNOWID_E_INVALID);
	EXPECT(snowid_layout_time(layout, 0, NULL, &nsec), SNOWID_E_INVALID);
	EXPECT(snowid_layout_time(layout, 0, &sec, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_layout_time_ms(layout, 0, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_layout_time_ms(NULL, 0, &sec), SNOWID_E_INVALID);
	EXPECT(snowid_layout_first_at(NULL, 0, 0, &value), SNOWID_E_INVALID);
	EXPECT(snowid_layout_first_at(layout, 0, 0, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_layout_last_at(NULL, 0, 0, &value), SNOWID_E_INVALID);
	EXPECT(snowid_layout_first_time(NULL, &sec, &nsec), SNOWID_E_INVALID);
	EXPECT(snowid_layout_last_time(NULL, &sec, &nsec), SNOWID_E_INVALID);
	EXPECT(snowid_layout_fits_until(NULL, 63, &sec, &nsec), SNOWID_E_INVALID);
	EXPECT(snowid_layout_info(NULL, SNOWID_LAYOUT_BITS, &value), SNOWID_E_INVALID);
	EXPECT(snowid_layout_info(layout, SNOWID_LAYOUT_BITS, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_layout_field_at(NULL, 0, NULL, NULL, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_layout_format(NULL, NULL, 0, NULL), SNOWID_E_INVALID);
	snowid_layout_free(NULL);
	snowid_layout_free(layout);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
