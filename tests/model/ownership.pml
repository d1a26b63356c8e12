/* SPDX-License-Identifier: MIT
 *
 * Ownership of one worker ID, for spin to search exhaustively. Two owners claim it, renew, release,
 * fail, return, take over from each other, and issue ticks all the time. tests/model/model.sh runs
 * it; docs/design/model.md says what in the code each step stands for.
 *
 * The model has no time. A process may pause between any two steps, for any time, and then continue
 * with what it knew: that covers processes that are stopped and resumed. A lease may expire at any
 * moment, so there is none: any owner may try to claim, and may claim its own record again. An owner
 * that gets no answer may go on for any time. A clock may show any time, so a claimer
 * takes any free tick, and a renewal asks for any limit. The assertions hold in all these cases.
 *
 * -DBREAK_X removes one rule. It then only asserts that no tick is issued twice, so that what spin
 * finds is a duplicate. -DREACH_X asserts that something possible never happens, so that spin shows
 * how it can.
 */
#ifndef TICKS
#define TICKS 3 /* the layout has ticks 1 to TICKS, with one slot in each */
#endif
#ifndef EPOCHS
#define EPOCHS 3 /* how often the worker ID can be claimed */
#endif

#if defined(BREAK_FLOOR) || defined(BREAK_CLAIM) || defined(BREAK_FENCE) || \
	defined(BREAK_RELEASE) || defined(BREAK_ORDER) || defined(BREAK_READ) || \
	defined(BREAK_UNKNOWN) || defined(BREAK_PAGE) || defined(BREAK_SEAL) || \
	defined(BREAK_LIMIT) || defined(BREAK_SWAP) || defined(BREAK_RECLAIM)
#define expect(condition) skip
#else
#define expect(condition) assert(condition)
#endif

#define NONE   0 /* no epoch */
#define NOBODY 2 /* owners are 0 and 1 */
#define SEALED 255
#define me     (_pid % 2) /* each process runs twice: for owner 0 and owner 1 */

/* ---- the record ----------------------------------------------------------------------------- */

/* The record of the worker ID in the store, which is linearizable and durable. */
typedef record_t {
	byte epoch; /* of ownership; each claim starts one */
	byte holder = NOBODY;
	byte limit;
	bool released;
	byte last /* if released: the exact end */
};
record_t record;

/* The next owner starts above this tick. */
#define FLOOR (record.released -> record.last : record.limit)

/* What a compare-and-swap compares. Each write starts an epoch, raises the limit or releases, so
 * that the same three values never return. They serve as a version counter would, with fewer
 * states. */
#define VERSION(epoch, limit, released) (((epoch) * (TICKS + 1) + (limit)) * 2 + (released))
#define LIMIT_OF(version) ((version) / 2 % (TICKS + 1))
#define RECORD_VERSION VERSION(record.epoch, record.limit, record.released)

/* A tenure is one epoch, or several of the same process without others in between, and is named by
 * the first. Only for assertions: which is the present one, the floor and the end of each, and the
 * ticks that were issued. */
byte tenure;
byte floor_of[EPOCHS + 1];
byte end_of[EPOCHS + 1];
byte issued;

/* The last tick that a tenure may have issued: the floor of the next one. */
#define CEILING(p) (tenure == p -> FLOOR : end_of[p])

/* Only for -DREACH_X: whether an epoch started in this way. */
#if defined(REACH_TAKEOVER)
#define WITNESS (record.holder == 1 - me && !record.released) /* from an owner that is running */
#elif defined(REACH_RETURN)
#define WITNESS (record.released && record.last < record.limit) /* with ticks that were returned */
#endif
#ifdef WITNESS
bool witness[EPOCHS + 1];
#endif

/* ---- the pages ------------------------------------------------------------------------------ */

/* A page is the shared state of one tenure, and is never reused. page[NONE] is sealed, and
 * represents all earlier pages of an owner, of this worker ID and of others. */
typedef page_t {
	byte next = SEALED;
	byte limit
};
page_t page[EPOCHS + 1];
byte page_of[EPOCHS + 1]; /* of each epoch that its owner knows to be its own */
byte current[2]; /* the page from which an owner issues */

inline raise_limit(p, to)
{
	if
	:: page[p].next != SEALED && page[p].limit < to -> page[p].limit = to
	:: else
	fi
}

inline seal(p)
{
	page[p].next = SEALED;
	page[p].limit = 0 /* never read again: fewer states */
}

/* ---- the network ---------------------------------------------------------------------------- */

mtype = { IDLE, CLAIM, RENEW, RELEASE };

/* A request on its way to the store, and an answer on its way back. They may arrive after the
 * sender has stopped waiting, or has ended.
 *
 * One request of each owner is enough. The first to arrive changes the version, so that all others
 * are refused; which one is the first can be chosen when they are sent. For the same reason, a
 * request is dropped as soon as it is certain to be refused. */
typedef request_t {
	mtype kind = IDLE;
	byte holder = NOBODY;
	byte epoch;
	byte version; /* to be compared */
	byte tick     /* to be written: the limit, or the exact end */
};
request_t request[2];

typedef answer_t {
	byte epoch; /* NONE: there is no answer */
	byte limit  /* that is recorded for it */
};
answer_t answer[2];

#define UNCHANGED(i) (request[i].version == RECORD_VERSION)
#if defined(BREAK_CLAIM)
#define ADMITTED(i) (UNCHANGED(i) || request[i].kind == CLAIM)
#elif defined(BREAK_FENCE)
#define ADMITTED(i) (UNCHANGED(i) || request[i].kind == RENEW)
#elif defined(BREAK_RELEASE)
#define ADMITTED(i) (UNCHANGED(i) || request[i].kind == RELEASE)
#else
#define ADMITTED(i) UNCHANGED(i)
#endif

inline forget_request(i)
{
	request[i].kind = IDLE;
	request[i].holder = NOBODY;
	request[i].epoch = NONE;
	request[i].version = 0;
	request[i].tick = 0
}

inline refuse(i)
{
	if
	:: request[i].kind != IDLE && !ADMITTED(i) -> forget_request(i)
	:: else
	fi
}

inline send(what, under, compare, value)
{
	if
	:: atomic {
		request[me].kind = what;
		request[me].holder = me;
		request[me].epoch = under;
		request[me].version = compare;
		request[me].tick = value
	   }
	:: request[me].kind != IDLE /* lost, or later than the request on its way */
	fi
}

inline forget_answer()
{
	answer[me].epoch = NONE;
	answer[me].limit = 0
}

/* ---- an owner: claim, renew, release -------------------------------------------------------- */

#if defined(BREAK_READ) || defined(BREAK_UNKNOWN)
#define GUESSES /* assumes that the last request was recorded */
#endif
#ifdef BREAK_UNKNOWN
#define IS_MINE true
#else
#define IS_MINE (record.epoch == epoch && record.holder == me)
#endif
#ifdef BREAK_RECLAIM
#define STILL_MINE true
#else
#define STILL_MINE (record.epoch == epoch && !record.released)
#endif

active [2] proctype manager()
{
	byte epoch, own, version, floor, limit;

end_claim:
	atomic { /* Reads the record. The owners are symmetric: let 0 be the first. */
		record.epoch < EPOCHS && FLOOR < TICKS && (me == 0 || record.epoch > 0) ->
		epoch = record.epoch + 1;
		version = RECORD_VERSION;
		floor = FLOOR;
ask:		skip;
		/* The recorded limit never falls, even if the floor is below it. */
		select(limit : floor + 1 .. TICKS);
		limit = (limit < LIMIT_OF(version) -> LIMIT_OF(version) : limit);
		printf("%d asks for epoch %d with limit %d\n", me, epoch, limit);
		send(CLAIM, epoch, version, limit);
#ifndef GUESSES
		limit = 0
#endif
	}
	if
	:: atomic {
		answer[me].epoch == epoch ->
		limit = answer[me].limit;
		forget_answer();
		printf("%d gets the answer: epoch %d, limit %d\n", me, epoch, limit)
	   }
	/* No answer, or a refusal: it reads the record, and finds its claim; */
	:: atomic {
		IS_MINE ->
#ifndef GUESSES
		limit = record.limit;
#endif
		printf("%d reads that it owns epoch %d\n", me, epoch)
	   }
	/* or the old record, so that the claim may still arrive: it asks again under the same
	 * version; */
	:: atomic { version == RECORD_VERSION -> goto ask }
	/* or the record of another owner, and gives up, as it may at any time. */
	:: goto gone
	fi;
	atomic { /* starts a page */
#ifdef BREAK_FLOOR
		select(floor : 0 .. TICKS - 1);
#endif
		printf("%d starts epoch %d: ticks %d to %d\n", me, epoch, floor + 1, limit);
		page[epoch].limit = limit;
		page[epoch].next = floor + 1;
		page_of[epoch] = epoch;
		current[me] = epoch;
		own = epoch;
		version = 0;
		floor = 0;
		limit = 0
	}
	do
	:: atomic { /* renews */
		page[own].limit < TICKS ->
		select(limit : page[own].limit + 1 .. TICKS);
		printf("%d asks for limit %d in epoch %d\n", me, limit, epoch);
		send(RENEW, epoch, VERSION(epoch, page[own].limit, 0), limit);
		refuse(me);
#ifdef BREAK_ORDER
		raise_limit(own, limit);
#endif
		limit = 0
	   }
	/* No answer, or a refusal: it reads the record, which is answered like a renewal. */
	:: atomic {
		record.epoch == epoch && page[own].limit < record.limit ->
		answer[me].epoch = epoch;
		answer[me].limit = record.limit;
		printf("%d reads the record\n", me)
	   }
	/* Its lease has ended: it claims its own record again, and goes on from its page. */
	:: atomic {
		STILL_MINE && record.epoch < EPOCHS ->
		version = RECORD_VERSION;
		floor = record.epoch + 1;
again:		skip; /* a label does not reach the start of a select */
		select(limit : LIMIT_OF(version) .. TICKS);
		printf("%d asks for epoch %d with limit %d, and goes on meanwhile\n",
		       me, floor, limit);
		send(CLAIM, floor, version, limit);
		limit = 0
	   }
	   if
	   :: atomic {
		answer[me].epoch == floor ->
		limit = answer[me].limit;
		forget_answer()
	      }
	   :: atomic { record.epoch == floor && record.holder == me -> limit = record.limit }
	   :: atomic { version == RECORD_VERSION -> goto again }
	   :: goto gone
	   fi;
	   atomic {
		printf("%d goes on in epoch %d up to tick %d\n", me, floor, limit);
		epoch = floor;
		page_of[epoch] = own;
		raise_limit(own, limit);
		version = 0;
		floor = 0;
		limit = 0
	   }
	:: break
	:: goto gone
	od;
	atomic { /* Releases: first it seals the page, which gives the exact end. */
		version = VERSION(epoch, page[own].limit, 0);
		limit = page[own].next - 1;
		printf("%d ends epoch %d after tick %d\n", me, epoch, limit);
#ifdef BREAK_SEAL
	}
	atomic {
#endif
		printf("%d seals epoch %d\n", me, epoch);
		seal(own)
	}
	do
	:: atomic { send(RELEASE, epoch, version, limit); refuse(me) }
	/* No answer, or a refusal: it reads the record, as a renewal may have been first. */
	:: atomic { record.epoch == epoch && !record.released -> version = RECORD_VERSION }
	:: break
	od;
gone:
	/* It has released or lost the worker ID, has given up, or has failed. The next process
	 * has another incarnation, so that it ignores the claims of this one, and the answers to
	 * them. */
	atomic {
		printf("%d is gone\n", me);
		seal(current[me]);
		current[me] = NONE;
		if
		:: record.holder == me -> record.holder = NOBODY
		:: else
		fi;
		request[me].holder = NOBODY;
		forget_answer();
		epoch = NONE;
		own = NONE;
		version = 0;
		floor = 0;
		limit = 0
	}
	goto end_claim
}

/* ---- issue ---------------------------------------------------------------------------------- */

#ifdef BREAK_LIMIT
#define LIMIT_LOADED(p) TICKS
#else
#define LIMIT_LOADED(p) page[p].limit
#endif

inline issue(p, tick)
{
	atomic {
		printf("%d issues tick %d of epoch %d\n", me, tick, p);
		assert(!(issued & (1 << tick)));
		expect(floor_of[p] < tick && tick <= CEILING(p));
#ifdef WITNESS
		assert(!witness[p]);
#elif defined(REACH_ZOMBIE)
		assert(p == tenure);
#endif
		issued = issued | (1 << tick);
		page[p].next = tick + 1
	}
}

active [2] proctype claimer()
{
	byte p, next, limit, tick;

end:	do
	:: atomic {
		page[current[me]].next <= LIMIT_LOADED(current[me]) ->
		p = current[me];
		next = page[p].next;
		limit = LIMIT_LOADED(p);
		printf("%d is about to issue in epoch %d from tick %d\n", me, p, next)
	   }
	   do
	   :: atomic { /* another thread is first */
		page[p].next <= LIMIT_LOADED(p) ->
		select(tick : page[p].next .. LIMIT_LOADED(p));
		issue(p, tick);
		tick = 0
	      }
	   :: atomic {
		if
#ifdef BREAK_SWAP
		:: page[p].next != SEALED ->
#else
		:: page[p].next == next ->
#endif
			select(tick : next .. limit);
			issue(p, tick)
		:: else
		fi;
		p = NONE;
		next = 0;
		limit = 0;
		tick = 0;
		break
	      }
	   od
	od
}

/* ---- the store, and the network to it ------------------------------------------------------- */

#define my request[me]

inline write()
{
	printf("the store has recorded for %d: epoch %d, limit %d\n", me, my.epoch, my.tick);
	expect(my.tick >= record.limit);
	record.epoch = my.epoch;
	record.limit = my.tick;
	record.released = false;
	record.last = 0;
	if
	:: my.holder == me ->
		answer[me].epoch = my.epoch;
		answer[me].limit = my.tick
	:: else
	fi
}

inline done()
{
	forget_request(me);
	refuse(1 - me)
}

/* The page whose limit an answer raises. */
#ifdef BREAK_PAGE
#define PAGE_OF(epoch) current[me]
#else
#define PAGE_OF(epoch) page_of[epoch]
#endif

active [2] proctype network()
{
end:	do
	:: atomic {
		my.kind == CLAIM && ADMITTED(me) ->
		if
		:: my.holder == NOBODY || record.holder != my.holder || record.released ->
			end_of[tenure] = FLOOR;
			tenure = my.epoch;
			floor_of[tenure] = FLOOR;
#ifdef WITNESS
			witness[tenure] = WITNESS
#endif
		:: else
		fi;
		write();
		record.holder = my.holder;
		done()
	   }
	:: atomic { my.kind == RENEW && ADMITTED(me) -> write(); done() }
	:: atomic {
		my.kind == RELEASE && ADMITTED(me) ->
		printf("the store has recorded for %d: epoch %d ended after tick %d\n",
		       me, my.epoch, my.tick);
		record.released = true;
		record.last = my.tick;
		done()
	   }
	:: atomic {
		answer[me].epoch != NONE ->
		printf("%d gets the answer: epoch %d, limit %d\n",
		       me, answer[me].epoch, answer[me].limit);
		raise_limit(PAGE_OF(answer[me].epoch), answer[me].limit);
		forget_answer()
	   }
	/* A late answer about an earlier page of an owner, with any limit. */
	:: atomic {
		current[me] != NONE ->
		printf("%d gets an answer about an earlier page: limit %d\n", me, TICKS);
		raise_limit(PAGE_OF(NONE), TICKS)
	   }
	od
}
