/* SPDX-License-Identifier: MIT
 *
 * What a store says of itself.
 */
#ifndef TESTS_STORE_INFO_H
#define TESTS_STORE_INFO_H

#include "tests/unit/state_file.h"

static struct snowid_clock *manual;

static inline void store_setup(void)
{
	state_setup();
	manual = manual_clock(START);
}

static inline void store_teardown(void)
{
	snowid_clock_free(manual);
	directory_remove();
}

static inline struct snowid_store_info *inspect_store(const char *url)
{
	struct snowid_store_info *info = NULL;
	OK(snowid_store_inspect(url, &info));
	return info;
}

/* A value of a record, "" where it has none. */
static inline const char *stored_value(const struct snowid_store_info *info, size_t record,
				       const char *key)
{
	const char *found, *text;
	for (size_t i = 0; snowid_store_info_at(info, record, i, &found, &text, NULL) == 0; i++)
		if (strcmp(found, key) == 0)
			return text;
	return "";
}

#define EXPECT_INFO(info, record, key, wanted)                                                     \
	ck_assert_str_eq(stored_value(info, record, key), wanted)

/* Of the state file. */
static inline void expect_state_info(const char *key, const char *wanted)
{
	struct snowid_store_info *const info = inspect_store(state_url);
	EXPECT_INFO(info, 0, key, wanted);
	snowid_store_info_free(info);
}

/* A snowflake generator of datacenter 3 and worker 7, unless the store assigns another worker. */
static inline int try_open_store(const char *url, struct snowid_clock *clock,
				 struct snowid_generator **generator)
{
	struct snowid_config *config;
	OK(snowid_config_new(&config));
	OK(snowid_config_set_field(config, "datacenter", 3));
	if (strncmp(url, "slots:", 6) != 0)
		OK(snowid_config_set_field(config, "worker", 7));
	OK(snowid_config_set_store(config, url));
	OK(snowid_config_set(config, "reserve", "100ms"));
	OK(snowid_config_set(config, "hold", "30ms"));
	OK(snowid_config_set_clock(config, clock));
	const int error = snowid_generator_new(config, generator);
	snowid_config_free(config);
	return error;
}

static inline struct snowid_generator *open_on_store(const char *url, struct snowid_clock *clock)
{
	struct snowid_generator *generator = NULL;
	OK(try_open_store(url, clock, &generator));
	return generator;
}

#endif
