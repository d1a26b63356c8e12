/* draft 2 */
#ifndef WORKERS
#define WORKERS 1
#endif
#ifndef TICKS
#define TICKS 4
#endif
#ifndef EPOCHS
#define EPOCHS 3
#endif
#ifndef THREADS
#define THREADS 2
#endif

#define NONE   0
#define SEALED 255

#define page_id(w, e) ((w) * EPOCHS + (e))
#define worker(p)     (((p) - 1) / EPOCHS)
#define epoch(p)      (((p) - 1) % EPOCHS + 1)

typedef record_t { byte epoch; byte by; byte limit; byte last; bool released; };
record_t record[WORKERS];
bool key[WORKERS];

typedef page_t { byte next = SEALED; byte limit; };
page_t page[WORKERS * EPOCHS + 1];
byte current[2];

/* ghosts */
byte floor[WORKERS * EPOCHS + 1];
byte granted[WORKERS * EPOCHS + 1];
byte issued[WORKERS];

#define REC(p) record[worker(p)]
#define floor_of(r) (r.released -> r.last : r.limit)
#define ours(p, me) (REC(p).epoch == epoch(p) && REC(p).by == me && !REC(p).released)

inline record_limit(w, l) { assert(l >= record[w].limit); record[w].limit = l; granted[page_id(w, record[w].epoch)] = l }

inline any_tick(t, above)
{
	if
	:: 1 > above -> t = 1
	:: 2 > above -> t = 2
	:: 3 > above -> t = 3
#if TICKS > 3
	:: 4 > above -> t = 4
#endif
#if TICKS > 4
	:: 5 > above -> t = 5
#endif
	fi
}

inline raise(q, l)
{
	if
	:: page[q].next != SEALED && l > page[q].limit -> page[q].limit = l
	:: else -> skip
	fi
}

inline seal_page()
{
	page[current[me]].next = SEALED;
	page[current[me]].limit = 0;
	current[me] = 0
}

proctype owner(byte me)
{
	byte p, w, start, limit, known, last; bool ok, was;
end_idle:
	atomic {
		if
		:: record[0].epoch < EPOCHS -> w = 0
#if WORKERS > 1
		:: record[1].epoch < EPOCHS -> w = 1
#endif
		fi;
		p = page_id(w, record[w].epoch + 1);
		known = record[w].limit;
		was = record[w].released;
		start = floor_of(record[w]);
		if :: start == TICKS -> limit = TICKS
		:: else -> any_tick(limit, start) fi;
		if :: limit < record[w].limit -> limit = record[w].limit :: else fi;
		w = 0;
	}
	d_step {
		if
		:: !key[worker(p)] && record[worker(p)].epoch == epoch(p) - 1 && record[worker(p)].limit == known && record[worker(p)].released == was ->
			key[worker(p)] = 1;
			REC(p).epoch = epoch(p);
			REC(p).by = me;
			REC(p).released = 0;
			REC(p).last = 0;
			record_limit(worker(p), limit);
			floor[p] = start;
			ok = 1
		:: else -> skip
		fi;
		known = 0; was = 0;
	}
	if
	:: ok
	:: ours(p, me)
	:: goto gone
	fi;
	d_step {
#ifdef BREAK_FLOOR
		start = 0;
#endif
		page[p].next = start + 1;
		page[p].limit = limit;
		current[me] = p;
		start = 0; limit = 0; ok = 0;
	}
	do
	:: d_step { limit = REC(p).limit; ok = ours(p, me) }
		if
		:: ok -> d_step { raise(p, limit); limit = 0; ok = 0 }
		:: else -> goto gone
		fi
	:: goto gone
	:: break
	od;
	known = page[p].limit;
#ifdef BREAK_SEAL
	last = page[p].next - 1;
	seal_page();
#else
	d_step { last = page[p].next - 1; seal_page(); }
#endif
	do
	:: d_step {
		if
		:: REC(p).epoch == epoch(p) && REC(p).limit == known && !REC(p).released -> REC(p).released = 1; REC(p).last = last; 
			key[worker(p)] = 0;
		:: else
		fi }
		goto gone
	:: ours(p, me) && known != REC(p).limit -> known = REC(p).limit
	:: goto gone
	od;
gone:
	atomic { if :: current[me] != 0 -> seal_page() :: else fi; p = 0; start = 0; limit = 0; last = 0; ok = 0; known = 0; }
	goto end_idle
}

proctype renewal(byte o)
{
	byte p, known, limit; bool ok;
end_renewal:
	do
	:: atomic { current[o] != NONE && page[current[o]].limit < TICKS ->
		p = current[o];
		known = page[p].limit; 
		any_tick(limit, known); 
#ifdef BREAK_ORDER
		page[p].limit = limit;
#endif
		}
	   d_step {
		if
#ifdef BREAK_FENCE
		:: key[worker(p)] -> REC(p).epoch = epoch(p); REC(p).by = o; REC(p).released = 0; ok = 1; record_limit(worker(p), limit)
#else
		:: key[worker(p)] && REC(p).epoch == epoch(p) && REC(p).limit == known && !REC(p).released -> record_limit(worker(p), limit); ok = 1
#endif
		:: else
		fi; known = 0 }
	   d_step {
	   	if
#ifdef BREAK_PAGE
		:: ok -> raise(current[o], limit)
#else
		:: ok -> raise(p, limit)
#endif
		:: else
		fi; p = 0; limit = 0; ok = 0; known = 0 }
	od
}

proctype thread(byte o)
{
	byte p, next, t;
end_thread:
	do
	:: d_step { current[o] != NONE && page[current[o]].next <= TICKS -> p = current[o]; next = page[p].next };
		atomic {
		if
#ifndef BREAK_LIMIT
		:: next <= page[p].limit -> any_tick(t, next - 1); if :: t > page[p].limit -> t = 0 :: else fi
		:: else -> skip
#else
		:: any_tick(t, next - 1)
#endif
		fi };
		d_step {
		if
		:: t != 0 && page[p].next == next ->
			page[p].next = t + 1;
			assert(!(issued[worker(p)] & (1 << t)));
			assert(floor[p] < t && t <= granted[p]);
			issued[worker(p)] = issued[worker(p)] | (1 << t)
		:: else -> skip
		fi; p = 0; next = 0; t = 0 }
	od
}

init {
	atomic {
		run owner(0); run owner(1);
		run renewal(0); run renewal(1);
		run thread(0);
#if THREADS > 1
		run thread(1);
#endif
#if THREADS > 2
		run thread(1)
#endif
	}
}
