/* SPDX-License-Identifier: MIT
 *
 * Generators on host:/DIRECTORY, in a directory of the test, and the one file there.
 */
#ifndef TESTS_HOST_H
#define TESTS_HOST_H

#include <stdio.h>
#include <sys/stat.h>

#include "tests/unit/libsnowid/store/fake_disk.h"
#include "tests/unit/state_file.h"

enum { HOST_SIZE = 8192 };

static char host_url[4200];

static inline void host_setup(void)
{
	disk_setup();
	snprintf(host_url, sizeof host_url, "host:%s", directory);
}

static inline struct snowid_config *host_config(const char *kind, struct snowid_clock *clock)
{
	struct snowid_config *config;
	OK(snowid_config_new(&config));
	OK(snowid_config_set_kind(config, kind));
	MAY_FAIL(snowid_config_set_field(config, "worker", 1)); /* where it has one */
	MAY_FAIL(snowid_config_set_field(config, "machine", 1));
	OK(snowid_config_set_store(config, host_url));
	OK(snowid_config_set_clock(config, clock));
	return config;
}

static inline struct snowid_generator *host_open(struct snowid_config *config)
{
	struct snowid_generator *generator = NULL;
	OK(snowid_generator_new(config, &generator));
	return generator;
}

/* The path of the only file. */
static inline const char *host_path(void)
{
	static char path[8400];
	DIR *const entries = opendir(directory);
	struct dirent *entry;
	path[0] = '\0';
	while ((entry = readdir(entries)))
		if (entry->d_name[0] != '.')
			snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
	closedir(entries);
	return path;
}

static inline ino_t host_inode(void)
{
	struct stat status = {0};
	ck_assert_int_eq(stat(host_path(), &status), 0);
	return status.st_ino;
}

static inline void host_read(unsigned char bytes[HOST_SIZE])
{
	const int fd = open(host_path(), O_RDONLY);
	ck_assert_int_eq(read(fd, bytes, HOST_SIZE), HOST_SIZE);
	close(fd);
}

/* Over what is there, in the same file. */
static inline void host_write(const void *bytes, size_t size)
{
	const int fd = open(host_path(), O_WRONLY | O_TRUNC);
	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	close(fd);
}

static inline uint64_t clock_ns(struct snowid_clock *clock)
{
	int64_t sec;
	uint32_t nsec;
	OK(snowid_clock_read(clock, &sec, &nsec, NULL));
	return (uint64_t)sec * (uint64_t)SEC + nsec;
}

/* When the tick of an ID begins, in nanoseconds since 1970. */
static inline uint64_t layout_ns(const char *kind, uint64_t id)
{
	struct snowid_layout *layout = NULL;
	int64_t sec;
	uint32_t nsec;
	OK(snowid_layout_new(kind, &layout));
	OK(snowid_layout_time(layout, id, &sec, &nsec));
	snowid_layout_free(layout);
	return (uint64_t)sec * (uint64_t)SEC + nsec;
}

#endif
