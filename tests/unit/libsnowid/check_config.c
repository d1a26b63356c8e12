/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"

static struct snowid_config *new_config(void)
{
	struct snowid_config *config = NULL;
	OK(snowid_config_new(&config));
	return config;
}

static void expect_value(const struct snowid_config *config, const char *key, const char *expected)
{
	char text[200];
	size_t length;
	OK(snowid_config_get(config, key, text, sizeof text, &length));
	ck_assert_str_eq(text, expected);
	ck_assert_uint_eq(length, strlen(expected));
}

TEST(defaults_are_as_documented)
{
	unsetenv("SNOWID_STORE");
	struct snowid_config *const config = new_config();
	expect_value(config, "kind", "snowflake");
	expect_value(config, "store", "host:");
	expect_value(config, "timeout", "2s");
	expect_value(config, "wait", "5ms");
	expect_value(config, "hold", "1s");
	expect_value(config, "borrow", "0");
	expect_value(config, "spread", "false");
	expect_value(config, "reserve", "3s");
	expect_value(config, "max_jump", "1h");
	expect_value(config, "mode", "0600");
	snowid_config_free(config);
}

TEST(environment_can_name_the_default_store)
{
	struct snowid_config *config;
	setenv("SNOWID_STORE", "file:/nowhere/state", 1);
	config = new_config();
	expect_value(config, "store", "file:/nowhere/state");
	snowid_config_free(config);
	setenv("SNOWID_STORE", "", 1);
	config = new_config();
	expect_value(config, "store", "host:");
	snowid_config_free(config);
	setenv("SNOWID_STORE", "frob:", 1);
	EXPECT(snowid_config_new(&config), SNOWID_E_STORE);
	EXPECT_DETAIL("frob:");
}

TEST(every_setting_can_be_read_back)
{
	static const char *const settings[][2] = {
		{"kind", "time:41,worker:10,sequence:12;epoch=1000"},
		{"field.worker", "1023"},
		{"timeout", "250us"},
		{"wait", "0"},
		{"hold", "90s"},
		{"borrow", "7ms"},
		{"spread", "true"},
		{"reserve", "10ms"},
		{"max_jump", "8760h"},
		{"mode", "0660"},
		{"store", "file:/nowhere/state"},
	};
	struct snowid_config *const config = new_config();
	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
		OK(snowid_config_set(config, settings[i][0], settings[i][1]));
	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
		expect_value(config, settings[i][0], settings[i][1]);
	OK(snowid_config_set(config, "timeout", "18446744073709551615ns"));
	OK(snowid_config_set(config, "spread", "false"));
	OK(snowid_config_set(config, "mode", "640"));
	expect_value(config, "mode", "0640");
	snowid_config_free(config);
}

TEST(bad_settings_are_rejected_and_change_nothing)
{
	static const struct {
		const char *key, *text;
		int error;
		const char *detail;
	} cases[] = {
		{"workers", "5", SNOWID_E_UNKNOWN,
		 "no setting \"workers\", nor such a field of the kind snowflake; did you mean "
		 "worker?"},
		{"timout", "5s", SNOWID_E_UNKNOWN, "did you mean timeout?"},
		{"stroe", "memory:", SNOWID_E_UNKNOWN, "did you mean store?"},
		{"", "5", SNOWID_E_UNKNOWN, "kind, field.NAME"},
		{"node", "5", SNOWID_E_UNKNOWN, "nor such a field"},
		{"worker", "32", SNOWID_E_RANGE, "from 0 to 31, not 32"},
		{"time", "1", SNOWID_E_INVALID, "cannot be set"},
		{"kind", "uuid4", SNOWID_E_UNKNOWN,
		 "the kind uuid4 has no time, and needs no generator"},
		{"kind", "uuidv7", SNOWID_E_UNKNOWN, "no kind \"uuidv7\"; did you mean uuid7?"},
		{"kind", "snowflak", SNOWID_E_UNKNOWN, "did you mean snowflake?"},
		{"kind", "frobnicator", SNOWID_E_UNKNOWN, "use ulid, uuid1"},
		{"kind", "snowflak;epoch=0", SNOWID_E_UNKNOWN,
		 "no preset \"snowflak\"; did you mean"},
		{"kind", "uuid4", SNOWID_E_UNKNOWN, "uuid4"},
		{"kind", "ULID", SNOWID_E_UNKNOWN, "did you mean ulid?"},
		{"field.wroker", "1", SNOWID_E_UNKNOWN,
		 "the kind snowflake has no field \"wroker\"; did you mean worker?"},
		{"store", "hosts:", SNOWID_E_STORE, "did you mean host:?"},
		{"field.shard", "1", SNOWID_E_UNKNOWN, "no field \"shard\""},
		{"field.", "1", SNOWID_E_UNKNOWN, "no field"},
		{"field.time", "1", SNOWID_E_INVALID, "cannot be set"},
		{"field.sequence", "1", SNOWID_E_INVALID, "cannot be set"},
		{"field.worker", "32", SNOWID_E_RANGE, "from 0 to 31, not 32"},
		{"field.worker", "-1", SNOWID_E_SYNTAX, "-1"},
		{"field.worker", "", SNOWID_E_SYNTAX, "worker"},
		{"field.worker", "0x1", SNOWID_E_SYNTAX, "0x1"},
		{"field.worker", "18446744073709551616", SNOWID_E_OVERFLOW, "worker"},
		{"store", "memory", SNOWID_E_SYNTAX, "not a URL"},
		{"store", "memory:x", SNOWID_E_SYNTAX, "must not be followed"},
		{"store", "file:state", SNOWID_E_SYNTAX, "must begin with /"},
		{"store", "file:", SNOWID_E_SYNTAX, "must begin with /"},
		{"store", "slots:", SNOWID_E_SYNTAX, "workers=0-31"},
		{"store", "redis://h", SNOWID_E_STORE, "redis"},
		{"timeout", "2", SNOWID_E_SYNTAX, "span"},
		{"timeout", "585y", SNOWID_E_SYNTAX, "timeout"},
		{"timeout", "18446744074s", SNOWID_E_RANGE, "timeout is 18446744074s"},
		{"wait", "-1ms", SNOWID_E_SYNTAX, "wait"},
		{"hold", "61m", SNOWID_E_RANGE, "from 0 to 1h"},
		{"reserve", "9ms", SNOWID_E_RANGE, "from 10ms to 1h"},
		{"borrow", "2h", SNOWID_E_RANGE, "borrow"},
		{"max_jump", "999ms", SNOWID_E_RANGE,
		 "max_jump is 999ms, but must be 1s or longer"},
		{"mode", "0666", SNOWID_E_RANGE, "0600, 0640"},
		{"mode", "", SNOWID_E_RANGE, "mode"},
		{"mode", "0", SNOWID_E_RANGE, "mode"},
		{"mode", "00660", SNOWID_E_RANGE, "mode"},
		{"spread", "yes", SNOWID_E_SYNTAX, "true or false"},
	};
	struct snowid_config *const config = new_config();
	OK(snowid_config_set_field(config, "worker", 7));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const int error = snowid_config_set(config, cases[i].key, cases[i].text);
		ck_assert_msg(error == cases[i].error, "%s=%s gave %d", cases[i].key, cases[i].text,
			      error);
		EXPECT_DETAIL(cases[i].detail);
	}
	expect_value(config, "kind", "snowflake");
	expect_value(config, "field.worker", "7");
	expect_value(config, "timeout", "2s");
	expect_value(config, "hold", "1s");
	snowid_config_free(config);
}

TEST(a_field_is_set_by_its_name_unless_a_setting_has_it)
{
	struct snowid_config *const config = new_config();
	OK(snowid_config_set(config, "worker", "5"));
	expect_value(config, "field.worker", "5");
	expect_value(config, "worker", "5");
	OK(snowid_config_set(config, "kind", "time:41,wait:5,sequence:12"));
	OK(snowid_config_set(config, "wait", "7ms"));
	OK(snowid_config_set(config, "field.wait", "7"));
	expect_value(config, "wait", "7ms");
	expect_value(config, "field.wait", "7");
	snowid_config_free(config);
}

TEST(setting_a_kind_clears_the_fields)
{
	struct snowid_config *const config = new_config();
	char text[8];
	OK(snowid_config_set_field(config, "worker", 7));
	OK(snowid_config_set_kind(config, "snowflake"));
	EXPECT(snowid_config_get(config, "field.worker", text, sizeof text, NULL),
	       SNOWID_E_UNKNOWN);
	EXPECT(snowid_config_get(config, "field.none", text, sizeof text, NULL), SNOWID_E_UNKNOWN);
	OK(snowid_config_set_kind(config, "ulid"));
	EXPECT(snowid_config_set_field(config, "worker", 7), SNOWID_E_UNKNOWN);
	OK(snowid_config_set_kind(config, "uuid6"));
	OK(snowid_config_set_field(config, "node", UINT64_C(0xffffffffffff)));
	EXPECT(snowid_config_set_field(config, "node", UINT64_C(0x1000000000000)), SNOWID_E_RANGE);
	OK(snowid_config_set_field(config, "clock_seq", 0x3fff));
	EXPECT(snowid_config_set_field(config, "clock_seq", 0x4000), SNOWID_E_RANGE);
	expect_value(config, "field.node", "281474976710655");
	snowid_config_free(config);
}

TEST(config_keeps_its_clock)
{
	struct snowid_config *const config = new_config();
	struct snowid_clock *clock;
	OK(snowid_clock_new_manual(1700000000, 0, &clock));
	OK(snowid_config_set_clock(config, clock));
	OK(snowid_config_set_clock(config, clock));
	OK(snowid_config_set_clock(config, NULL));
	OK(snowid_clock_advance(clock, 1));
	OK(snowid_config_set_clock(config, clock));
	snowid_clock_free(clock); /* config still uses it */
	snowid_config_free(config);
}

TEST(config_calls_reject_null)
{
	struct snowid_config *const config = new_config();
	char text[8];
	EXPECT(snowid_config_new(NULL), SNOWID_E_INVALID);
	EXPECT(snowid_config_set_kind(NULL, "ulid"), SNOWID_E_INVALID);
	EXPECT(snowid_config_set_kind(config, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_config_set_field(NULL, "worker", 0), SNOWID_E_INVALID);
	EXPECT(snowid_config_set_field(config, NULL, 0), SNOWID_E_INVALID);
	EXPECT(snowid_config_set_store(NULL, "memory:"), SNOWID_E_INVALID);
	EXPECT(snowid_config_set_store(config, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_config_set_clock(NULL, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_config_set(NULL, "kind", "ulid"), SNOWID_E_INVALID);
	EXPECT(snowid_config_set(config, NULL, "ulid"), SNOWID_E_INVALID);
	EXPECT(snowid_config_set(config, "kind", NULL), SNOWID_E_INVALID);
	EXPECT(snowid_config_get(NULL, "kind", text, sizeof text, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_config_get(config, NULL, text, sizeof text, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_config_get(config, "kind", NULL, 5, NULL), SNOWID_E_INVALID);
	EXPECT(snowid_config_get(config, "kind", text, sizeof text, NULL), SNOWID_E_RANGE);
	EXPECT(snowid_config_get(config, "none", text, sizeof text, NULL), SNOWID_E_UNKNOWN);
	snowid_config_free(NULL);
	snowid_config_free(config);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
