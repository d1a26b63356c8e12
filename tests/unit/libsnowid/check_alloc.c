/* SPDX-License-Identifier: MIT
 *
 * Every allocation fails once.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "tests/unit/check.h"
#include "tests/unit/directory.h"
#include "tests/unit/fake_system.h"

static int countdown = -1; /* allocations until one fails; negative: none fails */
static bool allocation_failed;
static bool all_fail;

static bool may_allocate(void)
{
	allocation_failed |= countdown == 0 || all_fail;
	errno = ENOMEM;
	if (all_fail)
		return false;
	return countdown < 0 || countdown-- > 0;
}

void *real_malloc(size_t size) REAL("malloc");
void *wrap_malloc(size_t size) WRAP("malloc");
void *wrap_malloc(size_t size)
{
	return may_allocate() ? real_malloc(size) : NULL;
}

void *real_calloc(size_t count, size_t size) REAL("calloc");
void *wrap_calloc(size_t count, size_t size) WRAP("calloc");
void *wrap_calloc(size_t count, size_t size)
{
	return may_allocate() ? real_calloc(count, size) : NULL;
}

void *real_realloc(void *old, size_t size) REAL("realloc");
void *wrap_realloc(void *old, size_t size) WRAP("realloc");
void *wrap_realloc(void *old, size_t size)
{
	return may_allocate() ? real_realloc(old, size) : NULL;
}

void *real_aligned_alloc(size_t alignment, size_t size) REAL("aligned_alloc");
void *wrap_aligned_alloc(size_t alignment, size_t size) WRAP("aligned_alloc");
void *wrap_aligned_alloc(size_t alignment, size_t size)
{
	return may_allocate() ? real_aligned_alloc(alignment, size) : NULL;
}

char *real_strdup(const char *text) REAL("strdup");
char *wrap_strdup(const char *text) WRAP("strdup");
char *wrap_strdup(const char *text)
{
	return may_allocate() ? real_strdup(text) : NULL;
}

void *real_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset) REAL(MMAP);
void *wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset) WRAP(MMAP);
void *wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	return may_allocate() ? real_mmap(at, size, prot, flags, fd, offset) : MAP_FAILED;
}

/* Calls everything that allocates. Frees it again, and returns the first error. */
static int use_memory_store(const char *kind)
{
	struct snowid_config *config = NULL;
	struct snowid_clock *clock = NULL;
	struct snowid_generator *generator = NULL;
	struct snowid_mask *mask = NULL;
	const uint8_t key[SNOWID_MASK_KEY] = {0};
	struct snowid_id128 id128;
	uint64_t id;

	int error = snowid_config_new(&config);
	if (!error)
		error = snowid_mask_new(key, NULL, &mask);
	if (!error)
		error = snowid_config_set_kind(config, kind);
	if (!error && strcmp(kind, "js53") == 0)
		error = snowid_config_set_field(config, "worker", 1);
	if (!error)
		error = snowid_clock_new_manual(1700000000, 0, &clock);
	if (!error)
		error = snowid_config_set_clock(config, clock);
	if (!error)
		error = snowid_generator_new(config, &generator);
	if (!error)
		error = strcmp(kind, "js53") == 0 ? snowid_generator_next(generator, &id)
						  : snowid_generator_next128(generator, &id128);
	snowid_generator_free(generator);
	snowid_mask_free(mask);
	snowid_clock_free(clock);
	snowid_config_free(config);
	return error;
}

TEST_EACH(failed_allocations_are_reported, 2)
{
	const char *const kind = nth ? "uuid7" : "js53";
	int n = 0;
	OK(use_memory_store(kind));
	for (;; n++) {
		allocation_failed = false;
		countdown = n;
		const int error = use_memory_store(kind);
		countdown = -1;
		if (!allocation_failed)
			break;
		EXPECT(error, -ENOMEM);
		EXPECT_DETAIL("memory");
	}
	ck_assert_int_ge(n, 8); /* otherwise the calls are not wrapped */
	OK(use_memory_store(kind));
}

/* Creates a state file, and uses, inspects and resets it. */
static int use_files_of_store(const char *url)
{
	struct snowid_config *config = NULL;
	struct snowid_clock *clock = NULL;
	struct snowid_generator *generator = NULL;
	struct snowid_store_info *info = NULL;
	uint64_t id;

	int error = snowid_config_new(&config);
	if (!error)
		error = snowid_config_set_field(config, "worker", 1);
	if (!error)
		error = snowid_config_set_store(config, url);
	if (!error)
		error = snowid_clock_new_manual(1700000000, 0, &clock);
	if (!error)
		error = snowid_config_set_clock(config, clock);
	if (!error)
		error = snowid_generator_new(config, &generator);
	if (!error)
		error = snowid_generator_next(generator, &id);
	if (!error)
		error = snowid_store_inspect(url, &info);
	snowid_generator_free(generator);
	snowid_clock_free(clock);
	snowid_config_free(config);
	snowid_store_info_free(info);
	return error ? error : snowid_store_reset(url, 1700000000, 0);
}

TEST(failed_allocations_leave_no_file_behind)
{
	char url[4200];
	int n = 0;
	directory_make();
	snprintf(url, sizeof url, "file:%s/state", directory);
	OK(use_files_of_store(url)); /* this makes the state of the thread */
	unlink(url + strlen("file:"));
	for (;; n++) {
		allocation_failed = false;
		countdown = n;
		const int error = use_files_of_store(url);
		countdown = -1;
		unlink(url + strlen("file:"));
		if (!allocation_failed)
			break;
		EXPECT(error, -ENOMEM);
		EXPECT_DETAIL("memory");
		ck_assert_int_eq(rmdir(directory), 0); /* it is empty */
		ck_assert_int_eq(mkdir(directory, 0700), 0);
	}
	ck_assert_int_ge(n, 30);
	OK(use_files_of_store(url));
	directory_remove();
}

/* Nor do they let a file of host: be made twice. */
TEST(failed_allocations_leave_one_file_of_a_host_store)
{
	char url[4200];
	int n = 0;
	directory_make();
	snprintf(url, sizeof url, "host:%s", directory);
	for (;; n++) {
		allocation_failed = false;
		countdown = n;
		const int error = use_files_of_store(url);
		countdown = -1;
		ck_assert_int_le(directory_count(), 1);
		directory_clear();
		if (!allocation_failed)
			break;
		EXPECT(error, -ENOMEM);
		EXPECT_DETAIL("memory");
	}
	ck_assert_int_ge(n, 30);
	OK(use_files_of_store(url));
	directory_remove();
}

TEST(thread_without_state_has_random_bytes_and_short_details)
{
	struct snowid_id128 a, b;
	char detail[64];
	countdown = 0;
	OK(snowid_ulid_random(&a));
	ck_assert(allocation_failed);
	countdown = 0;
	OK(snowid_ulid_random(&b));
	ck_assert_int_ne(memcmp(a.bytes + 6, b.bytes + 6, 10), 0);
	countdown = 0;
	ck_assert_int_eq(snowid_ulid_parse("x", 1, &a), SNOWID_E_SYNTAX);
	countdown = 0;
	ck_assert_uint_gt(snowid_error_detail(detail, sizeof detail), 0);
	countdown = -1;
	ck_assert_str_eq(detail, "malformed text");
}

/* As when the process has as many mappings as the kernel allows. */
TEST(error_without_memory_for_its_detail_has_one)
{
	struct snowid_config *config;
	struct snowid_generator *g;
	char detail[400];
	OK(snowid_config_new(&config));
	all_fail = true;
	const int error = snowid_generator_new(config, &g);
	snowid_error_detail(detail, sizeof detail);
	all_fail = false;
	ck_assert_int_eq(error, -ENOMEM);
	ck_assert_ptr_nonnull(strstr(detail, "out of memory"));
	ck_assert_ptr_nonnull(strstr(detail, "vm.max_map_count"));
	snowid_config_free(config);
}

int main(void)
{
	return run_tests(NULL, NULL);
}
