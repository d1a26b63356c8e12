/* SPDX-License-Identifier: MIT
 *
 * Waiters in their queues, at instants that the test chooses.
 */
#include <stdio.h>

#include "snowidd/net/waiting.h"
#include "tests/unit/check.h"

#define WAITERS 6

static struct waiting waiting;
static struct waiter waiters[WAITERS];

/* "2d" for a waiter that was resumed and why: due, turn, drain or end. */
static char resumed[100];

/* What a waiter does when it is resumed, besides being noted. */
static struct {
	bool waits_again;
	enum phase phase;
	size_t removes; /* another waiter; WAITERS: none */
} reactions[WAITERS];

static void resume_waiter(struct waiter *waiter, enum wake wake)
{
	static const char wakes[] = {[WAKE_DUE] = 'd',
				     [WAKE_TURN] = 't',
				     [WAKE_STOP] = 's',
				     [WAKE_DRAIN] = 'r',
				     [WAKE_END] = 'e'};
	const size_t i = (size_t)(waiter - waiters), used = strlen(resumed);

	snprintf(resumed + used, sizeof resumed - used, "%zu%c ", i, wakes[wake]);
	const bool keeps_place =
		wake == WAKE_DRAIN || wake == WAKE_STOP ||
		(wake == WAKE_TURN && waiter->phase >= PHASE_LANE && waiter->phase < PHASE_REFUSED);
	ck_assert_int_eq(waiter->next != NULL, keeps_place);
	if (reactions[i].removes < WAITERS)
		waiting_remove(&waiters[reactions[i].removes]);
	if (reactions[i].waits_again)
		waiting_add(&waiting, waiter, reactions[i].phase, 1000);
}

static void begin(void)
{
	waiting_init(&waiting);
	resumed[0] = '\0';
	for (size_t i = 0; i < WAITERS; i++) {
		waiters[i] = (struct waiter){.resume = resume_waiter};
		reactions[i].waits_again = false;
		reactions[i].removes = WAITERS;
	}
}

static void add_all(enum phase phase)
{
	for (size_t i = 0; i < WAITERS; i++)
		waiting_add(&waiting, &waiters[i], phase, 10 * (i + 1));
}

static void expect_resumed(const char *expected)
{
	ck_assert_str_eq(resumed, expected);
	resumed[0] = '\0';
}

TEST(waiters_are_due_in_the_order_of_their_deadlines)
{
	ck_assert_uint_eq(waiting_expire(&waiting, 0), UINT64_MAX);
	add_all(PHASE_IDLE);
	ck_assert_uint_eq(waiting_expire(&waiting, 9), 10);
	expect_resumed("");
	ck_assert_uint_eq(waiting_expire(&waiting, 30), 40);
	expect_resumed("0d 1d 2d ");
	ck_assert_uint_eq(waiting_expire(&waiting, 1000), UINT64_MAX);
	expect_resumed("3d 4d 5d ");
	ck_assert(waiting_is_empty(&waiting, PHASE_IDLE));
}

TEST(the_next_deadline_is_the_earliest_of_all_queues)
{
	waiting_add(&waiting, &waiters[0], PHASE_FIRST, 50);
	waiting_add(&waiting, &waiters[1], PHASE_LINGER, 20);
	waiting_add(&waiting, &waiters[2], PHASE_WRITING, 30);
	ck_assert_uint_eq(waiting_expire(&waiting, 10), 20);
	ck_assert_uint_eq(waiting_expire(&waiting, 20), 30);
	ck_assert_uint_eq(waiting_expire(&waiting, 30), 50);
	expect_resumed("1d 2d ");
}

TEST(these_have_no_deadline)
{
	waiting_add(&waiting, &waiters[0], PHASE_BLOCKED, 0);
	waiting_add(&waiting, &waiters[1], PHASE_PARKED, 0);
	waiting_add(&waiting, &waiters[2], PHASE_TURN, 0);
	ck_assert_uint_eq(waiting_expire(&waiting, 1000), UINT64_MAX);
	expect_resumed("");
}

TEST(adding_again_moves_a_waiter_to_the_end_of_its_new_queue)
{
	add_all(PHASE_IDLE);
	waiting_add(&waiting, &waiters[0], PHASE_IDLE, 70);
	waiting_add(&waiting, &waiters[1], PHASE_REQUEST, 5);
	ck_assert_int_eq(waiters[1].phase, PHASE_REQUEST);
	ck_assert_uint_eq(waiting_expire(&waiting, 30), 40);
	expect_resumed("2d 1d ");
	waiting_expire(&waiting, 1000);
	expect_resumed("3d 4d 5d 0d ");
}

TEST(removing_one_that_does_not_wait_does_nothing)
{
	waiting_remove(&waiters[0]);
	add_all(PHASE_IDLE);
	waiting_remove(&waiters[0]);
	waiting_remove(&waiters[0]);
	waiting_remove(&waiters[5]);
	waiting_remove(&waiters[2]);
	waiting_expire(&waiting, 1000);
	expect_resumed("1d 3d 4d ");
}

/* Otherwise a request that always has to wait would keep the loop busy for ever. */
TEST(who_waits_again_has_its_next_turn_in_the_next_round)
{
	add_all(PHASE_PARKED);
	for (size_t i = 0; i < WAITERS; i += 2)
		reactions[i].waits_again = true;
	reactions[0].phase = reactions[2].phase = PHASE_PARKED;
	reactions[4].phase = PHASE_BLOCKED;
	waiting_take_turns(&waiting, PHASE_PARKED);
	expect_resumed("0t 1t 2t 3t 4t 5t ");
	waiting_take_turns(&waiting, PHASE_PARKED);
	expect_resumed("0t 2t ");
	ck_assert(!waiting_is_empty(&waiting, PHASE_BLOCKED));
	waiting_take_turns(&waiting, PHASE_TURN);
	expect_resumed("");
}

/* ---- lanes ----------------------------------------------------------------------------------- */

#define LANE(n) ((enum phase)(PHASE_LANE + (n)))

/* Whether a round is over, by how many have been resumed: two characters each, and a blank. */
static bool is_over_after(const void *user)
{
	return strlen(resumed) / 3 == *(const size_t *)user;
}

static bool serve_lanes(size_t most)
{
	return waiting_serve_lanes(&waiting, is_over_after, &most);
}

TEST(the_first_of_a_lane_is_resumed_until_it_leaves)
{
	ck_assert(!waiting_has_lanes(&waiting));
	for (size_t i = 0; i < 3; i++)
		waiting_add(&waiting, &waiters[i], LANE(3), 1000);
	waiting_add(&waiting, &waiters[3], LANE(0), 1000);
	waiting_add(&waiting, &waiters[4], LANE(LANES - 1), 1000);
	ck_assert(waiting_has_lanes(&waiting));
	ck_assert(serve_lanes(100));
	expect_resumed("3t 0t 4t ");
	reactions[0].removes = 0; /* itself */
	reactions[1].removes = 1;
	ck_assert(serve_lanes(100));
	expect_resumed("3t 0t 1t 2t 4t ");
	ck_assert(serve_lanes(100));
	expect_resumed("3t 2t 4t ");
}

TEST(a_round_can_be_ended)
{
	for (size_t i = 0; i < 4; i++) {
		waiting_add(&waiting, &waiters[i], LANE(i / 2), 1000);
		reactions[i].removes = i;
	}
	ck_assert(!serve_lanes(3));
	expect_resumed("0t 1t 2t ");
	ck_assert(serve_lanes(3));
	expect_resumed("3t ");
	ck_assert(!waiting_has_lanes(&waiting));
}

/* Otherwise one kind, if it has no end of IDs, would keep a loop from serving another. */
TEST(each_lane_has_its_turn_though_rounds_are_ended)
{
	for (size_t i = 0; i < WAITERS; i++) {
		waiting_add(&waiting, &waiters[i], LANE(KINDS_MAX + i / 2), 1000);
		reactions[i].waits_again = true;
		reactions[i].phase = LANE(KINDS_MAX + i / 2);
	}
	waiting_add(&waiting, &waiters[0], LANE(0), 1000);
	reactions[0].phase = LANE(0);
	ck_assert(!serve_lanes(3)); /* one that waits again alone is not resumed twice */
	expect_resumed("0t 1t 2t ");
	ck_assert(!serve_lanes(3));
	expect_resumed("0t 4t 5t ");
	ck_assert(!serve_lanes(2)); /* the end of the lanes: the next round begins again */
	expect_resumed("0t ");
	ck_assert(!serve_lanes(2));
	expect_resumed("0t 1t ");
	ck_assert(!serve_lanes(3));
	expect_resumed("0t 3t 2t ");
}

TEST(some_of_a_queue_are_resumed)
{
	add_all(PHASE_REFUSED);
	waiting_take_some(&waiting, PHASE_REFUSED, 4);
	expect_resumed("0t 1t 2t 3t ");
	waiting_take_some(&waiting, PHASE_REFUSED, 4);
	expect_resumed("4t 5t ");
}

TEST(those_in_lanes_are_due_in_any_order)
{
	waiting_add(&waiting, &waiters[0], LANE(1), 500);
	waiting_add(&waiting, &waiters[1], LANE(1), 20);
	waiting_add(&waiting, &waiters[2], LANE(2), 30);
	reactions[1].removes = 0; /* another, as a connection with its calls */
	waiting_expire_lanes(&waiting, 19);
	expect_resumed("");
	waiting_expire_lanes(&waiting, 30);
	expect_resumed("1d 2d ");
	ck_assert(!waiting_has_lanes(&waiting));
	waiting_init(&waiting);
	waiting_add(&waiting, &waiters[3], LANE(1), 35);
	waiting_add(&waiting, &waiters[4], LANE(1), 36);
	waiting_expire_lanes(&waiting, 35);
	expect_resumed("3d ");
	waiting_expire_lanes(&waiting, 35 + LANES_DUE_MS - 1); /* not so soon again */
	expect_resumed("");
	waiting_expire_lanes(&waiting, 35 + LANES_DUE_MS);
	expect_resumed("4d ");
}

/* ---- removing -------------------------------------------------------------------------------- */

/* As when one stream of a connection ends the others. */
TEST(one_that_has_its_turn_may_remove_others)
{
	add_all(PHASE_PARKED);
	reactions[0].removes = 1; /* the next */
	reactions[2].removes = 5; /* the last */
	reactions[3].removes = 0; /* one that has had its turn, and waits again */
	reactions[0].waits_again = true;
	reactions[0].phase = PHASE_PARKED;
	waiting_take_turns(&waiting, PHASE_PARKED);
	expect_resumed("0t 2t 3t 4t ");
	ck_assert(waiting_is_empty(&waiting, PHASE_PARKED));
}

TEST(all_learn_of_a_stop_and_go_on_waiting)
{
	add_all(PHASE_PARKED);
	waiting_add(&waiting, &waiters[4], PHASE_IDLE, 60);
	waiting_add(&waiting, &waiters[5], PHASE_IDLE, 70);
	reactions[0].removes = 1; /* the next, as when a connection ends with its calls */
	reactions[4].removes = 4; /* itself */
	waiting_stop(&waiting);
	expect_resumed("4s 5s 0s 2s 3s ");
	ck_assert_uint_eq(waiting_expire(&waiting, 65), 70);
	expect_resumed("");
	waiting_take_turns(&waiting, PHASE_PARKED);
	expect_resumed("0t 2t 3t ");
}

TEST(draining_asks_those_that_wait_for_a_request)
{
	for (size_t i = 0; i < WAITERS; i++)
		waiting_add(&waiting, &waiters[i], (enum phase)i, 1000);
	reactions[1].removes = 1; /* itself, as it ends */
	waiting_drain(&waiting);
	expect_resumed("0r 1r ");
	waiting_drain(&waiting);
	expect_resumed("0r ");
}

TEST(the_end_takes_all)
{
	for (size_t i = 0; i < WAITERS; i++)
		waiting_add(&waiting, &waiters[i], (enum phase)(PHASES - 1 - i), 1000);
	reactions[2].removes = 1; /* a connection ends its request */
	waiting_end(&waiting);
	expect_resumed("5e 4e 3e 2e 0e ");
	for (enum phase phase = 0; phase < PHASES; phase++)
		ck_assert(waiting_is_empty(&waiting, phase));
}

int main(void)
{
	return run_tests(begin, NULL);
}
