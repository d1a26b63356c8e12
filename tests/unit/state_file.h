/* SPDX-License-Identifier: MIT
 *
 * A state file in a directory of its own, and generators on it.
 */
#ifndef TESTS_STATE_FILE_H
#define TESTS_STATE_FILE_H

#include <fcntl.h>
#include <stdio.h>

#include "tests/unit/directory.h"
#include "tests/unit/generators.h"

enum { STATE_SIZE = 16384, STATE_HOT = 4096, STATE_RESERVED = 8192 };

static char state_path[4200], state_url[4300];

static inline void state_setup(void)
{
	directory_make();
	snprintf(state_path, sizeof state_path, "%s/state", directory);
	snprintf(state_url, sizeof state_url, "file:%s", state_path);
}

static inline void state_read(unsigned char bytes[STATE_SIZE])
{
	const int fd = open(state_path, O_RDONLY);
	ck_assert_int_eq(read(fd, bytes, STATE_SIZE), STATE_SIZE);
	close(fd);
}

/* Writes over a part of the file. */
static inline void state_write(off_t at, const void *bytes, size_t size)
{
	const int fd = open(state_path, O_WRONLY);
	ck_assert_int_eq(lseek(fd, at, SEEK_SET), at);
	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	close(fd);
}

/* Creates the file anew, with these bytes. */
static inline void state_create(const unsigned char bytes[STATE_SIZE])
{
	const int fd = open(state_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_eq(write(fd, bytes, STATE_SIZE), STATE_SIZE);
	close(fd);
}

/* Puts a copy in the place of the file: its bytes on another inode. */
static inline void state_copy(void)
{
	char aside[sizeof state_path + 8];
	unsigned char bytes[STATE_SIZE];
	state_read(bytes);
	snprintf(aside, sizeof aside, "%s.old", state_path);
	ck_assert_int_eq(rename(state_path, aside), 0); /* so that the inode is not used again */
	state_create(bytes);
	unlink(aside);
}

/* ---- generators ----------------------------------------------------------------------------- */

static inline struct snowid_config *state_config(const char *kind, struct snowid_clock *clock)
{
	struct snowid_config *config;
	OK(snowid_config_new(&config));
	OK(snowid_config_set_kind(config, kind));
	MAY_FAIL(snowid_config_set_field(config, "worker", 1)); /* where it has one */
	MAY_FAIL(snowid_config_set_field(config, "shard", 1));
	OK(snowid_config_set_store(config, state_url));
	OK(snowid_config_set(config, "reserve", "100ms"));
	OK(snowid_config_set_clock(config, clock));
	return config;
}

static inline int try_open_with(const char *key, const char *value, struct snowid_clock *clock,
				struct snowid_generator **generator)
{
	struct snowid_config *const config = state_config("snowflake", clock);
	OK(snowid_config_set(config, key, value));
	const int error = snowid_generator_new(config, generator);
	snowid_config_free(config);
	return error;
}

/* On the clock of the system, where a new file makes its first user wait for a reserve or for three
 * times hold. */
static inline int try_open_with_reserve(const char *kind, const char *reserve, const char *hold,
					struct snowid_clock *clock,
					struct snowid_generator **generator)
{
	struct snowid_config *const config = state_config(kind, clock);
	OK(snowid_config_set(config, "reserve", reserve));
	OK(snowid_config_set(config, "hold", hold));
	const int error = snowid_generator_new(config, generator);
	snowid_config_free(config);
	return error;
}

static inline int try_open_state(const char *kind, struct snowid_clock *clock,
				 struct snowid_generator **generator)
{
	struct snowid_config *const config = state_config(kind, clock);
	const int error = snowid_generator_new(config, generator);
	snowid_config_free(config);
	return error;
}

static inline struct snowid_generator *open_state_of_kind(const char *kind,
							  struct snowid_clock *clock)
{
	struct snowid_generator *generator = NULL;
	OK(try_open_state(kind, clock, &generator));
	return generator;
}

static inline struct snowid_generator *open_state(struct snowid_clock *clock)
{
	return open_state_of_kind("snowflake", clock);
}

static inline void expect_open_error(struct snowid_clock *clock, int error, const char *detail)
{
	struct snowid_generator *generator = NULL;
	EXPECT(try_open_state("snowflake", clock, &generator), error);
	EXPECT_DETAIL(detail);
	ck_assert_ptr_null(generator);
}

/* Takes IDs for 5 reserves. Returns 0, or the error that ends it. */
static inline int issue_for_blocks(struct snowid_generator *generator, struct snowid_clock *clock)
{
	uint64_t id;
	int error = 0;
	for (int i = 0; i < 50 && !error; i++) {
		OK(snowid_clock_advance(clock, 10 * MS));
		error = snowid_generator_next(generator, &id);
	}
	return error;
}

#endif
