/* draft */
#ifndef WORKERS
#define WORKERS 1
#endif
#ifndef TICKS
#define TICKS 4
#endif
#ifndef EPOCHS
#define EPOCHS 3
#endif
#ifndef REQ
#define REQ 1
#endif

#define OWNERS 2
#define NONE   0
#define SEALED 255
#define PAGES  (WORKERS * EPOCHS + 1)

#define page_id(w, e) ((w) * EPOCHS + (e))
#define worker(p)     (((p) - 1) / EPOCHS)
#define epoch(p)      (((p) - 1) % EPOCHS + 1)

typedef record_t { byte version; byte epoch; byte by; byte limit; byte last; bool released; };
record_t record[WORKERS];
bool key[WORKERS];

typedef page_t { byte next = SEALED; byte limit; };
page_t page[PAGES];
byte current[OWNERS];

/* ghosts */
byte floor[PAGES];
byte granted[PAGES];
byte issued[WORKERS];

mtype = { CLAIM, RENEW, RELEASE };
chan request[OWNERS] = [REQ] of { mtype, byte, byte, byte };
chan answer[OWNERS] = [1] of { mtype, byte, bool, byte, byte };

#define floor_of(r) (r.released -> r.last : r.limit)

inline apply(o)
{
	w = worker(p);
	ok = (version == record[w].version);
	if
	:: kind == CLAIM   -> ok = ok && !key[w]
	:: kind == RENEW   ->
#ifdef BREAK_FENCE
		ok = 1;
#endif
		ok = ok && key[w]
	:: kind == RELEASE -> skip
	fi;
	if
	:: ok && kind == CLAIM ->
		floor[p] = floor_of(record[w]);
		key[w] = 1;
		record[w].released = 0;
		record[w].last = 0;
	:: ok && kind == RELEASE ->
		key[w] = 0;
		record[w].released = 1;
		record[w].last = value;
	:: else -> skip
	fi;
	if
	:: ok ->
		record[w].version++;
		record[w].epoch = epoch(p);
		record[w].by = o;
		if
		:: kind != RELEASE ->
			assert(value >= record[w].limit);
			record[w].limit = value;
			granted[p] = value
		:: else -> skip
		fi;
	:: else -> skip
	fi;
	version = record[w].version;
}

#define SERVE(o) atomic { request[o]?kind, p, version, value -> d_step { apply(o) } if :: nfull(answer[o]) -> answer[o]!kind, p, ok, version, value :: true fi; kind = 0; p = 0; version = 0; value = 0; w = 0; ok = 0 }

active proctype store()
{
	mtype kind; byte p, version, value, w; bool ok;
end_store:
	do
	:: SERVE(0)
	:: SERVE(1)
	:: request[0]?_, _, _, _
	:: request[1]?_, _, _, _
	:: d_step { key[0] -> key[0] = 0 }
#if WORKERS > 1
	:: d_step { key[1] -> key[1] = 0 }
#endif
	od
}

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

inline open()
{
	d_step {
		page[p].next = start + 1;
		page[p].limit = limit;
		current[me] = p;
		start = 0; limit = 0
	}
}
inline seal_page()
{
	page[current[me]].next = SEALED;
	page[current[me]].limit = 0;
	current[me] = 0
}
inline read_back()
{
	d_step {
		ours = (record[worker(p)].epoch == epoch(p) && record[worker(p)].by == me && !record[worker(p)].released);
		version = record[worker(p)].version;
		limit = (ours -> record[worker(p)].limit : 0);
	}
}

proctype owner(byte me)
{
	mtype kind; byte p, version, start, limit, last, q, v; bool ours, ok;
idle:
end_idle:
	atomic {
		if
		:: record[0].epoch < EPOCHS -> q = 0
#if WORKERS > 1
		:: record[1].epoch < EPOCHS -> q = 1
#endif
		fi;
		p = page_id(q, record[q].epoch + 1);
		version = record[q].version;
		start = floor_of(record[q]);
		if :: start == TICKS -> limit = TICKS
		:: else -> any_tick(limit, start) fi;
		if :: limit < record[q].limit -> limit = record[q].limit :: else fi;
		q = 0;
	}
	atomic { request[me]!CLAIM, p, version, limit; limit = 0; version = 0 }
	do
	:: atomic { answer[me]?kind, q, ok, v, limit ->
		if
		:: kind == CLAIM && q == p && ok ->
			version = v; kind = 0; q = 0; ok = 0; v = 0;
			break
		:: kind == CLAIM && q == p && !ok -> goto gone
		:: else -> d_step { if :: kind == RENEW && ok -> raise(q, limit) :: else fi; kind = 0; q = 0; ok = 0; v = 0; limit = 0 }
		fi }
	:: read_back();
		if
		:: ours -> ours = 0; break
		:: else -> goto gone
		fi
	:: goto gone
	od;
	skip;
	open();
	do
	:: atomic { nfull(request[me]) && page[p].limit < TICKS -> any_tick(limit, page[p].limit);
		request[me]!RENEW, p, version, limit;
#ifdef BREAK_ORDER
		page[p].limit = limit;
#endif
		limit = 0 }
	:: d_step { answer[me]?kind, q, ok, v, limit ->
			if
			:: kind == RENEW && ok ->
#ifdef BREAK_PAGE
				q = p;
#endif
				raise(q, limit);
				if :: q == p -> version = v :: else fi
			:: else fi; kind = 0; q = 0; ok = 0; v = 0; limit = 0 }
	:: read_back();
		if
		:: d_step { ours -> ours = 0; raise(p, limit); limit = 0 }
		:: else -> goto gone
		fi
	:: goto gone
	:: break
	od;
#ifdef BREAK_SEAL
	last = page[p].next - 1;
	seal_page();
#else
	atomic { last = page[p].next - 1; seal_page(); }
#endif
	do
	:: request[me]!RELEASE, p, version, last
	:: d_step { answer[me]?kind, q, ok, v, limit -> kind = 0; q = 0; ok = 0; v = 0; limit = 0 }
	:: read_back(); if :: ours -> d_step { ours = 0; limit = 0 } :: else -> goto gone fi
	:: goto gone
	od;
gone:	skip;
	d_step { seal_page(); kind = 0; p = 0; version = 0; start = 0; limit = 0; last = 0; q = 0; v = 0; ours = 0; ok = 0 }
	goto idle
}

proctype thread(byte o)
{
	byte p, next, t;
end_thread:
	do
	:: d_step { current[o] != NONE && page[current[o]].next <= TICKS -> p = current[o]; next = page[p].next };
		atomic {
		if
		:: next <= page[p].limit -> any_tick(t, next - 1); if :: t > page[p].limit -> t = 0 :: else fi
		:: else -> skip
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
		run owner(0); run owner(1); run thread(0); run thread(1)
	}
}
