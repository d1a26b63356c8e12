/* SPDX-License-Identifier: MIT
 *
 * A program that is built with the header of an earlier release and run with this library. It calls
 * some functions of each group, and prints what differs from that release.
 */
#include <snowid.h>
#include <stdio.h>
#include <string.h>

#include "names.h"

static int failed;

#define EXPECT(condition)                                                                          \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			printf("line %d: %s\n", __LINE__, #condition);                             \
			failed = 1;                                                                \
		}                                                                                  \
	} while (0)

static void layouts_and_times(void)
{
	struct snowid_layout *layout = NULL;
	uint64_t value = 0, first = 0;
	int64_t unix_sec = 0, unix_ms = 0;
	uint32_t nsec = 0;
	char text[SNOWID_TIME_TEXT];
	EXPECT(snowid_layout_new("twitter", &layout) == 0);
	EXPECT(snowid_layout_field(layout, 1541815603606036480, "worker", &value) == 0 &&
	       value == 26);
	EXPECT(snowid_layout_time(layout, 1541815603606036480, &unix_sec, &nsec) == 0);
	EXPECT(unix_sec == 1656432460 && nsec == 105000000);
	EXPECT(snowid_layout_time_ms(layout, 1541815603606036480, &unix_ms) == 0 &&
	       unix_ms == 1656432460105);
	EXPECT(snowid_layout_first_at(layout, unix_sec, nsec, &first) == 0 &&
	       first == 1541815603606036480 >> 22 << 22);
	EXPECT(snowid_layout_info(layout, SNOWID_LAYOUT_UNIT_NS, &value) == 0 && value == 1000000);
	EXPECT(snowid_time_format(unix_sec, nsec, text) == 0 &&
	       strcmp(text, "2022-06-28T16:07:40.105Z") == 0);
	snowid_layout_free(layout);
	EXPECT(snowid_layout_new("none", &layout) == SNOWID_E_UNKNOWN);
	EXPECT(snowid_error_detail(NULL, 0) > 0 && snowid_strerror(SNOWID_E_UNKNOWN)[0] != '\0');
}

static void ids(void)
{
	static const char name[] = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
	struct snowid_config *config = NULL;
	struct snowid_clock *clock = NULL;
	struct snowid_generator *generator = NULL;
	struct snowid_id128 ulid, other;
	uint64_t id, last = 0;
	int64_t unix_ms = 0;
	EXPECT(snowid_ulid_parse(name, strlen(name), &ulid) == 0);
	EXPECT(snowid_ulid_time_ms(&ulid, &unix_ms) == 0 && unix_ms == 1469922850259);
	EXPECT(snowid_ulid_random(&other) == 0);
	EXPECT(snowid_id128_compare(&ulid, &other) < 0);

	EXPECT(snowid_clock_new_manual(1700000000, 0, &clock) == 0);
	EXPECT(snowid_config_new(&config) == 0);
	EXPECT(snowid_config_set_kind(config, "snowflake") == 0);
	EXPECT(snowid_config_set_field(config, "worker", 7) == 0);
	EXPECT(snowid_config_set_clock(config, clock) == 0);
	EXPECT(snowid_generator_new(config, &generator) == 0);
	snowid_config_free(config);
	EXPECT(snowid_clock_advance(clock, 1000000000) == 0);
	for (int i = 0; i < 1000; i++) {
		EXPECT(snowid_generator_next(generator, &id) == 0);
		EXPECT(id > last && (id >> 12 & 1023) == 7);
		last = id;
	}
	EXPECT(snowid_generator_close(generator, 0) == 0);
	EXPECT(snowid_generator_next(generator, &last) == SNOWID_E_CLOSED);
	snowid_generator_free(generator);
	snowid_clock_free(clock);
}

int main(void)
{
	for (size_t i = 0; i < sizeof every_function / sizeof every_function[0]; i++)
		EXPECT(every_function[i] != NULL);
	layouts_and_times();
	ids();
	return failed;
}
