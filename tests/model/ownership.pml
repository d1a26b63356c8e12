/* SPDX-License-Identifier: MIT
 *
 * Ownership of one worker ID, for spin to search exhaustively: two processes claim it, renew, are
 * stopped and woken, take over from each other, die and release, and issue ticks all the while.
 *
 * Nothing here knows of time. A process may stop between any two steps and go on whenever it likes;
 * requests and answers come late or never; the lease expires at any moment; a clock reads anything.
 * The assertions hold all the same. tests/model.sh runs the search.
 *
 * -DBREAK_X takes one rule out. All that is then asserted is that no slot is issued twice, so the
 * error that spin finds is a duplicate.
 */
#ifndef TICKS
#define TICKS 4 /* the layout has ticks 1 to TICKS, one slot in each */
#endif
#ifndef EPOCHS
#define EPOCHS 2 /* so often can the worker ID be claimed */
#endif

#if defined(BREAK_FLOOR) || defined(BREAK_FENCE) || defined(BREAK_ORDER) || \
	defined(BREAK_SEAL) || defined(BREAK_LIMIT) || defined(BREAK_PAGE) || defined(BREAK_READ)
#define expect(condition) skip
#else
#define expect(condition) assert(condition)
#endif

#define NONE   0
#define SEALED 255
#define me     (_pid % 2) /* owner, renewal and thread run twice each: for process 0 and process 1 */

/* ---- the store ------------------------------------------------------------------------------- */

/* The record of the worker ID: linearizable, durable. */
typedef record_t {
	byte epoch; /* of ownership; 0 before the first claim */
	bit holder;
	byte limit;
	bool released;
	byte last; /* if released: the exact end */
};
record_t record;
#define FLOOR (record.released -> record.last : record.limit)

/* What a compare-and-swap of the record compares. Each write begins an epoch, raises the limit or
 * releases, so these three never come again: they say what a counter would, in fewer states. */
#define VERSION(e, l, r) (((e) * (TICKS + 1) + (l)) * 2 + (r))
#define RECORD_VERSION VERSION(record.epoch, record.limit, record.released)

/* The worker key exists while its lease lasts, and that is as long as it pleases. */
bool key;

active proctype lease()
{
end:	do
	:: key -> key = false
	od
}

/* Not in the store, for the assertions alone: the floor of each epoch, and the ticks issued. */
byte floor_of[EPOCHS + 2];
byte issued;
#define CEILING(e) (record.epoch == e -> record.limit : floor_of[e + 1])

inline record_limit(upto)
{
	expect(upto >= record.limit);
	record.limit = upto
}

/* ---- the words ------------------------------------------------------------------------------- */

/* The sequencer. A page is bound to its epoch for life, and never used for another: page[epoch].
 * page[NONE] is sealed, and stands for all that a process had under other worker IDs before. */
typedef page_t {
	byte next = SEALED;
	byte limit
};
page_t page[EPOCHS + 1];
byte current[2] = NONE; /* the page from which a process issues */

inline raise_limit(p, upto)
{
	if
	:: page[p].next != SEALED && page[p].limit < upto -> page[p].limit = upto
	:: else
	fi
}

/* The limit of a sealed page means nothing any more; 0 makes for fewer states. */
inline seal(p)
{
	page[p].next = SEALED;
	page[p].limit = 0
}

/* ---- claim, read back, release: what a process does one after the other ---------------------- */

#define MINE (record.epoch == epoch && record.holder == me && !record.released)

active [2] proctype owner()
{
	byte epoch, version, floor, limit, last;

end_claim:
	/* Reads the record. */
	atomic {
		record.epoch < EPOCHS && FLOOR < TICKS ->
		epoch = record.epoch + 1;
		version = RECORD_VERSION
	}
	/* One transaction: creates the worker key, compares the version, begins the epoch. */
	atomic {
		if
		:: !key && version == RECORD_VERSION ->
			floor = FLOOR;
			select(limit : floor + 1 .. TICKS);
			if
			:: limit < record.limit -> limit = record.limit
			:: else
			fi;
			key = true;
			record.epoch = epoch;
			record.holder = me;
			record.released = false;
			record.last = 0;
			record_limit(limit);
			floor_of[epoch] = floor;
			version = 0
		:: else -> goto gone
		fi;
		if
		:: goto won
		:: skip /* the answer is lost */
		fi
	}
	if
	:: MINE /* it has read the record back, with its own name */
	:: goto gone
	fi;
won:
	atomic {
#ifdef BREAK_FLOOR
		select(floor : 0 .. TICKS - 1); /* the clock's tick is floor + 1 */
#endif
		page[epoch].limit = limit;
		page[epoch].next = floor + 1;
		current[me] = epoch;
		limit = 0;
		floor = 0
	}
	do
	:: /* An answer to a renewal did not come: reads the record back, and learns its fate. */
#ifdef BREAK_READ
		limit = record.limit;
#else
		limit = (MINE -> record.limit : 0);
#endif
		if
		:: atomic { limit > 0 -> raise_limit(epoch, limit); limit = 0 }
		:: limit == 0 -> goto gone
		fi
	:: break /* releases */
	:: goto gone
	od;
	/* Release: the seal gives the exact end, which is then written. */
	version = VERSION(epoch, page[epoch].limit, 0);
#ifdef BREAK_SEAL
	last = page[epoch].next - 1;
	seal(epoch);
#else
	atomic { last = page[epoch].next - 1; seal(epoch) }
#endif
	do
	:: atomic {
		version == RECORD_VERSION ->
		record.released = true;
		record.last = last;
		key = false;
		break
	   }
	:: MINE && version != RECORD_VERSION -> version = RECORD_VERSION
	:: break
	od;
gone:
	/* Killed, or has lost the worker ID, or is done: nobody outside can tell. */
	atomic {
		seal(current[me]);
		current[me] = NONE;
		epoch = 0; version = 0; floor = 0; limit = 0; last = 0
	}
	goto end_claim
}

/* ---- renew ----------------------------------------------------------------------------------- */

/* A request and its answer. They outlive what the process does meanwhile, and the process itself. */
active [2] proctype renewal()
{
	byte epoch, version, limit;

end:	do
	:: atomic { /* is sent */
		current[me] != NONE && page[current[me]].limit < TICKS ->
		epoch = current[me];
		version = VERSION(epoch, page[epoch].limit, 0);
		select(limit : page[epoch].limit + 1 .. TICKS);
#ifdef BREAK_ORDER
		raise_limit(epoch, limit)
#endif
	   }
	   atomic { /* comes to the store, or not */
		if
#ifdef BREAK_FENCE
		:: key ->
#else
		:: key && version == RECORD_VERSION ->
#endif
			record.epoch = epoch;
			record.holder = me;
			record.released = false;
			record_limit(limit)
		:: limit = 0
		fi;
		version = 0
	   }
	   atomic { /* the answer comes, or not */
		if
		:: true -> raise_limit(epoch, limit)
		:: skip
		fi;
		epoch = 0;
		limit = 0
	   }
#ifdef BREAK_PAGE
	:: raise_limit(current[me], TICKS)
#else
	:: raise_limit(NONE, TICKS)
#endif
	od
}

/* ---- issue ----------------------------------------------------------------------------------- */

active [2] proctype thread()
{
	byte p, next, tick;

end:	do
	:: atomic {
		current[me] != NONE ->
		p = current[me];
		next = page[p].next
	   }
	   atomic {
		if
		:: next <= TICKS -> 
			select(tick : next .. TICKS);
			if
#ifndef BREAK_LIMIT
			:: tick > page[p].limit -> goto refused
#endif
			:: else
			fi
		:: else -> goto refused
		fi
	   }
	   atomic {
		if
		:: page[p].next == next ->
			page[p].next = tick + 1;
			assert(!(issued & (1 << tick)));
			expect(floor_of[p] < tick && tick <= CEILING(p));
			issued = issued | (1 << tick)
		:: else
		fi
	   }
refused:
	   atomic { p = NONE; next = 0; tick = 0 }
	od
}
