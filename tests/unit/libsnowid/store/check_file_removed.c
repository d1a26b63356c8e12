/* SPDX-License-Identifier: MIT
 *
 * A state file that is removed or replaced while it is in use: its generators end, and what is made
 * under its name never repeats an ID of theirs.
 */
#include <stdbool.h>
#include <sys/stat.h>

#include "tests/unit/libsnowid/store/fake_disk.h"
#include "tests/unit/random.h"
#include "tests/unit/state_file.h"

/* ---- how a generator ends ------------------------------------------------------------------ */

static void expect_ended(struct snowid_generator *generator)
{
	uint64_t id, wait = 1, again, count;
	EXPECT(snowid_generator_try_next(generator, &id, &wait), SNOWID_E_STORE);
	EXPECT_DETAIL("was removed or replaced; open the generator again");
	ck_assert_uint_eq(wait, 0);
	EXPECT(snowid_generator_next(generator, &id), SNOWID_E_STORE);
	EXPECT(snowid_generator_next_for(generator, UINT64_MAX, &id), SNOWID_E_STORE);
	EXPECT(snowid_generator_maintain(generator, &again), SNOWID_E_STORE);
	EXPECT(snowid_generator_available(generator, &count), SNOWID_E_STORE);
	EXPECT_DETAIL(state_path);
}

TEST(removing_or_replacing_the_file_ends_its_generators)
{
	enum { REMOVED, REPLACED, WITH_ITS_DIRECTORY, WAYS };
	for (int way = 0; way < WAYS; way++) {
		const bool replace = way == REPLACED;
		struct snowid_clock *const clock = manual_clock(START);
		struct snowid_generator *const g = open_state(clock), *other = NULL;
		uint64_t id, last = next_id(g);
		int error = 0;
		unlink(state_path);
		if (way == WITH_ITS_DIRECTORY)
			ck_assert_int_eq(rmdir(directory), 0);
		if (replace)
			other = open_state(clock);
		for (int i = 0; i < 300 && !error; i++) {
			OK(snowid_clock_advance(clock, MS));
			error = snowid_generator_next(g, &id);
			if (!error)
				last = id;
			ck_assert_int_lt(i, 60); /* the first renewal that is due ends it */
		}
		ck_assert_int_eq(error, SNOWID_E_STORE);
		expect_ended(g);
		if (other) /* it started above all that the old one could still issue */
			ck_assert_uint_gt(next_id(other), last);
		OK(snowid_generator_close(g, 0));
		EXPECT(snowid_generator_next(g, &id), SNOWID_E_CLOSED);
		snowid_generator_free(g);
		snowid_generator_free(other);
		snowid_clock_free(clock);
		unlink(state_path);
	}
	ck_assert_int_eq(mkdir(directory, 0700), 0);
}

/* A path can be missing for one process alone, which has another root directory. */
TEST(other_users_of_a_file_continue_until_they_miss_it_themselves)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *const g = open_state(clock), *const other = open_state(clock);
	char aside[sizeof state_path + 8];
	uint64_t id, again;
	snprintf(aside, sizeof aside, "%s.aside", state_path);
	next_id(g);
	ck_assert_int_eq(rename(state_path, aside), 0);
	OK(snowid_clock_advance(clock, 60 * MS));
	EXPECT(snowid_generator_maintain(g, &again), SNOWID_E_STORE);
	ck_assert_int_eq(rename(aside, state_path), 0);
	expect_ended(g); /* also if the file comes back */
	OK(snowid_generator_next(other, &id));
	OK(issue_for_blocks(other, clock));
	snowid_generator_free(g);
	snowid_generator_free(other);
	snowid_clock_free(clock);
}

/* ---- processes that are stopped in the middle ---------------------------------------------- */

static struct {
	struct snowid_clock *clock;
	struct snowid_generator *other;
	uint64_t last;
} meanwhile;

/* Another process removes the file and makes it again, and time passes. */
static void replace_file(void)
{
	ck_assert_int_eq(unlink(state_path), 0);
	OK(snowid_clock_advance(meanwhile.clock, 10 * SEC));
	meanwhile.other = open_state(meanwhile.clock);
	meanwhile.last = next_id(meanwhile.other);
}

/* A renewal that is stopped allows nothing of what the new file may issue. */
TEST_EACH(file_can_be_replaced_while_a_renewal_is_stopped, 2)
{
	struct snowid_clock *const clock = manual_clock(START);
	struct snowid_generator *const g = open_state(clock);
	uint64_t id, again;
	meanwhile.clock = clock;
	next_id(g);
	OK(snowid_clock_advance(clock, 60 * MS));
	if (nth == 0)
		disk.during_sync = replace_file;
	else
		disk.after_lstat = replace_file;
	EXPECT(snowid_generator_maintain(g, &again), nth == 0 ? SNOWID_E_STORE : 0);
	EXPECT(snowid_generator_try_next(g, &id, NULL), nth == 0 ? SNOWID_E_STORE : SNOWID_E_LIMIT);
	EXPECT(snowid_generator_next(g, &id), SNOWID_E_STORE);
	expect_ended(g);
	ck_assert_uint_gt(next_id(meanwhile.other), meanwhile.last);
	snowid_generator_free(g);
	snowid_generator_free(meanwhile.other);
	snowid_clock_free(clock);
}

/* Another process makes the file, uses it and removes it. */
static void use_and_remove_file(void)
{
	struct snowid_generator *const g = open_state(meanwhile.clock);
	OK(issue_for_blocks(g, meanwhile.clock));
	OK(snowid_clock_advance(meanwhile.clock, 10 * SEC));
	meanwhile.last = next_id(g);
	snowid_generator_free(g);
	ck_assert_int_eq(unlink(state_path), 0);
}

/* Where its IDs start is decided when the file has its name. */
TEST(file_can_be_made_and_removed_by_another_before_a_new_one_has_its_name)
{
	struct snowid_clock *const clock = manual_clock(START);
	meanwhile.clock = clock;
	disk.before_link = use_and_remove_file;
	struct snowid_generator *const g = open_state(clock);
	ck_assert_uint_gt(meanwhile.last, 0);
	const uint64_t id = next_id(g);
	ck_assert_uint_gt(id >> 22, (meanwhile.last >> 22) + 100); /* and a reserve above it */
	snowid_generator_free(g);
	snowid_clock_free(clock);
}

/* ---- any settings, uses and steps of the clock --------------------------------------------- */

enum { ROUNDS = 1000, ROUND_IDS = 40000 };

static uint64_t seed = 12;

static uint64_t below(uint64_t bound)
{
	return bound ? test_random(&seed) % bound : 0;
}

struct random_settings {
	uint64_t reserve_ms, hold_ms, borrow_ms;
};

/* A reserve at least three times as long as hold and borrow, or one of any length. */
static struct random_settings random_settings(bool long_reserve)
{
	struct random_settings s = {.hold_ms = below(1000),
				    .borrow_ms = below(3) ? 0 : below(1500)};
	s.reserve_ms =
		long_reserve ? 10 + 3 * (s.hold_ms + s.borrow_ms) + below(500) : 10 + below(500);
	return s;
}

/* How far the clock may be set back in all. */
static uint64_t back_ms(const struct random_settings *settings)
{
	const uint64_t lead_ms = settings->hold_ms + settings->borrow_ms;
	return settings->reserve_ms >= 3 * lead_ms ? lead_ms : 2 * settings->hold_ms;
}

static void set_ms(struct snowid_config *config, const char *key, uint64_t ms)
{
	char text[32];
	snprintf(text, sizeof text, "%llums", (unsigned long long)ms);
	OK(snowid_config_set(config, key, text));
}

static int open_random(const struct random_settings *settings, const char *kind,
		       struct snowid_clock *clock, struct snowid_generator **generator)
{
	struct snowid_config *const config = state_config(kind, clock);
	set_ms(config, "reserve", settings->reserve_ms);
	set_ms(config, "hold", settings->hold_ms);
	set_ms(config, "borrow", settings->borrow_ms);
	const int error = snowid_generator_new(config, generator);
	snowid_config_free(config);
	return error;
}

struct issued_ids {
	uint64_t ids[ROUND_IDS];
	size_t count;
};

/* Uses a generator in one of the ways that there are, or lets time pass. */
static void use_at_random(struct snowid_generator *generator, struct snowid_clock *clock,
			  const struct random_settings *settings, struct issued_ids *issued)
{
	uint64_t again;
	size_t made = 0;
	const size_t room = ROUND_IDS - issued->count;
	const size_t some = (size_t)below(room < 60 ? room : 60);
	uint64_t *const ids = issued->ids + issued->count;

	switch (below(6)) {
	case 0:
		OK(snowid_clock_advance(clock, below(settings->reserve_ms) * MS));
		break;
	case 1:
		OK(snowid_clock_advance(clock, below(5) * MS));
		break;
	case 2:
		MAY_FAIL(snowid_generator_maintain(generator, &again));
		break;
	case 3: /* the last ID is the one furthest ahead of the clock */
		snowid_generator_next_batch(generator, ids, below(4) ? some : room, 0, &made);
		break;
	default:
		snowid_generator_next_batch(generator, ids, some, SEC, &made);
	}
	issued->count += made;
}

/* The clock is set back twice: by as much as the settings allow for. */
static void step_back(struct snowid_clock *clock, uint64_t *left_ms)
{
	const uint64_t ms = below(3) ? below(*left_ms + 1) : 0;
	*left_ms -= ms;
	OK(snowid_clock_step(clock, -(int64_t)ms * MS));
}

/* One file, which is removed and made again while the old one is in use. */
static void remove_and_make_again(struct snowid_clock *clock, const char *kind, bool long_reserve)
{
	static struct issued_ids issued;
	const struct random_settings settings = random_settings(long_reserve);
	struct snowid_generator *old = NULL, *made = NULL;
	uint64_t left_ms = back_ms(&settings);

	issued.count = 0;
	OK(open_random(&settings, kind, clock, &old));
	for (uint64_t i = below(20); i > 0; i--)
		use_at_random(old, clock, &settings, &issued);
	step_back(clock, &left_ms);
	for (uint64_t i = below(6); i > 0; i--)
		use_at_random(old, clock, &settings, &issued);
	ck_assert_int_eq(unlink(state_path), 0);
	step_back(clock, &left_ms);
	if (below(2))
		use_at_random(old, clock, &settings, &issued);
	OK(open_random(&settings, kind, clock, &made));
	for (int i = 0; i < 30; i++)
		use_at_random(below(2) ? old : made, clock, &settings, &issued);
	expect_unique(issued.ids, issued.count);
	snowid_generator_free(old);
	snowid_generator_free(made);
	unlink(state_path);
}

TEST(file_that_is_removed_and_made_again_repeats_no_id)
{
	static const char *const kinds[] = {
		"time:45,worker:10,sequence:2", "time:45,worker:10,sequence:2;unit=10ms",
		"time:35,worker:10,sequence:8;unit=1s", "time:54,worker:8,sequence:1;unit=100us"};
	struct snowid_clock *const clock = manual_clock(START);
	disk.in_memory = true;
	for (int round = 0; round < ROUNDS; round++) {
		OK(snowid_clock_advance(clock, 100 * SEC));
		remove_and_make_again(clock, kinds[round % 4], round / 4 % 2 == 0);
	}
	snowid_clock_free(clock);
}

int main(void)
{
	return run_tests(disk_setup, directory_remove);
}
