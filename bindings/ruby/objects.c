/* SPDX-License-Identifier: MIT
 *
 * The objects of the library as objects of Ruby, and the calls that draw IDs.
 *
 * A call that waits does so without the interpreter's lock, in slices, between which it looks after
 * interrupts: a thread can be killed, and Ctrl-C is heard. A call that need not wait keeps the lock,
 * since giving it up and getting it back costs more than an ID.
 */
#include <ruby/thread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "snowid-ruby.h"

#define NS_PER_SEC UINT64_C(1000000000)
#define SLICE      (NS_PER_SEC / 10)
#define CHUNK      512  /* IDs of a batch at a time */
#define PAGE       4096 /* what a generator or a manual clock takes beside the heap */

struct generator {
	struct snowid_generator *handle;
	VALUE wide;          /* the class of its IDs; nil: they are Integers */
	uint64_t timeout_ns; /* the longest wait of a call without its own */
	/* When the store wants to be looked after; UINT64_MAX: never. */
	_Atomic uint64_t maintain_at;
};

static VALUE module, native_module;

/* ---- handles --------------------------------------------------------------------------------- */

static void free_layout(void *layout)
{
	snowid_layout_free(layout);
}

static void free_config(void *config)
{
	snowid_config_free(config);
}

static void free_clock(void *clock)
{
	snowid_clock_free(clock);
	rb_gc_adjust_memory_usage(-PAGE);
}

static void free_generator(void *pointer)
{
	struct generator *const g = pointer;
	snowid_generator_free(g->handle);
	xfree(g);
	rb_gc_adjust_memory_usage(-PAGE);
}

static void mark_generator(void *pointer)
{
	const struct generator *const g = pointer;
	rb_gc_mark(g->wide);
}

/* Ruby 3 lets Ractors share what is frozen: the library knows no others than threads. */
#ifdef RUBY_TYPED_FROZEN_SHAREABLE
#define FLAGS RUBY_TYPED_FREE_IMMEDIATELY | RUBY_TYPED_FROZEN_SHAREABLE
#else
#define FLAGS RUBY_TYPED_FREE_IMMEDIATELY
#endif

#define DATA_TYPE(object, mark)                                                                    \
	static const rb_data_type_t object##_type = {                                              \
		.wrap_struct_name = "snowid " #object,                                             \
		.function = {.dmark = mark, .dfree = free_##object},                               \
		.flags = FLAGS,                                                                    \
	};
DATA_TYPE(layout, NULL)
DATA_TYPE(clock, NULL)
DATA_TYPE(config, NULL)
DATA_TYPE(generator, mark_generator)

static VALUE allocate_layout(VALUE class)
{
	return TypedData_Wrap_Struct(class, &layout_type, NULL);
}

static VALUE allocate_clock(VALUE class)
{
	return TypedData_Wrap_Struct(class, &clock_type, NULL);
}

static VALUE allocate_generator(VALUE class)
{
	return TypedData_Wrap_Struct(class, &generator_type, NULL);
}

static void *handle_of(VALUE object, const rb_data_type_t *type)
{
	void *const handle = rb_check_typeddata(object, type);
	if (!handle)
		rb_raise(rb_eTypeError, "uninitialized %" PRIsVALUE, rb_obj_class(object));
	return handle;
}

struct snowid_layout *snowid_ruby_layout(VALUE object)
{
	return handle_of(object, &layout_type);
}

struct snowid_clock *snowid_ruby_clock(VALUE object)
{
	return handle_of(object, &clock_type);
}

struct snowid_config *snowid_ruby_config(VALUE object)
{
	return handle_of(object, &config_type);
}

static struct generator *generator_of(VALUE object)
{
	return handle_of(object, &generator_type);
}

struct snowid_generator *snowid_ruby_generator(VALUE object)
{
	return generator_of(object)->handle;
}

static VALUE constant(const char *name)
{
	return rb_const_get(module, rb_intern(name));
}

VALUE snowid_ruby_new_layout(struct snowid_layout *layout)
{
	return TypedData_Wrap_Struct(constant("Layout"), &layout_type, layout);
}

VALUE snowid_ruby_new_config(struct snowid_config *config)
{
	return TypedData_Wrap_Struct(rb_const_get(native_module, rb_intern("Config")), &config_type,
				     config);
}

VALUE snowid_ruby_new_clock(struct snowid_clock *clock)
{
	rb_gc_adjust_memory_usage(PAGE);
	return TypedData_Wrap_Struct(constant("ManualClock"), &clock_type, clock);
}

/* Takes what another object of the same class holds, which is left without: `initialize` makes use of
 * what makes a new one. */
static VALUE adopt(VALUE self, VALUE other)
{
	const rb_data_type_t *const type = RTYPEDDATA_TYPE(self);
	void *const handle = rb_check_typeddata(other, type);

	if (DATA_PTR(self))
		rb_raise(rb_eTypeError, "already initialized %" PRIsVALUE, rb_obj_class(self));
	DATA_PTR(self) = handle;
	DATA_PTR(other) = NULL;
	return self;
}

/* ---- without the lock ------------------------------------------------------------------------- */

struct maintenance {
	struct snowid_generator *generator;
	uint64_t ns; /* of close, in: how long; of maintain, out: until when */
	int error;
};

static void *close_unlocked(void *user)
{
	struct maintenance *const m = user;
	m->error = snowid_generator_close(m->generator, m->ns);
	return NULL;
}

int snowid_ruby_close(struct snowid_generator *generator, uint64_t timeout_ns)
{
	struct maintenance m = {generator, timeout_ns, 0};
	rb_thread_call_without_gvl(close_unlocked, &m, RUBY_UBF_IO, NULL);
	return m.error;
}

static void *maintain_unlocked(void *user)
{
	struct maintenance *const m = user;
	m->error = snowid_generator_maintain(m->generator, &m->ns);
	return NULL;
}

int snowid_ruby_maintain(struct snowid_generator *generator, uint64_t *again_in_ns)
{
	struct maintenance m = {generator, 0, 0};
	rb_thread_call_without_gvl(maintain_unlocked, &m, RUBY_UBF_IO, NULL);
	*again_in_ns = m.ns;
	return m.error;
}

/* ---- drawing --------------------------------------------------------------------------------- */

union drawn {
	uint64_t number;
	struct snowid_id128 wide;
};

union chunk {
	uint64_t number[CHUNK];
	struct snowid_id128 wide[CHUNK];
};

struct draw {
	const struct generator *g;
	union drawn id;
	uint64_t timeout_ns, wait_ns;
	int error;
};

static int try(struct draw *d)
{
	d->wait_ns = 0;
	return NIL_P(d->g->wide)
		       ? snowid_generator_try_next(d->g->handle, &d->id.number, &d->wait_ns)
		       : snowid_generator_try_next128(d->g->handle, &d->id.wide, &d->wait_ns);
}

static void *wait_unlocked(void *user)
{
	struct draw *const d = user;
	const uint64_t span = d->timeout_ns < SLICE ? d->timeout_ns : SLICE;

	d->error = NIL_P(d->g->wide)
			   ? snowid_generator_next_for(d->g->handle, span, &d->id.number)
			   : snowid_generator_next128_for(d->g->handle, span, &d->id.wide);
	/* What was waited, by the clock of the generator: all of it in vain, or as long as was foretold. */
	d->timeout_ns -= d->error || d->wait_ns > span ? span : d->wait_ns;
	return NULL;
}

/* Draws one ID, and waits for it where that helps. */
static void draw(struct draw *d)
{
	while ((d->error = try(d)) != 0 && d->wait_ns > 0 && d->timeout_ns > 0) {
		rb_thread_call_without_gvl(wait_unlocked, d, RUBY_UBF_IO, NULL);
		if (d->error == 0)
			return;
	}
}

static uint64_t coarse_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

/* What does not wait does not sync either: a store is looked after on the way, once in a while. */
static void look_after(struct generator *g)
{
	const uint64_t maintain_at = atomic_load_explicit(&g->maintain_at, memory_order_relaxed);
	uint64_t again_in_ns = NS_PER_SEC, now, next;

	if (maintain_at == UINT64_MAX)
		return;
	now = coarse_ns();
	if (now < maintain_at)
		return;
	g->maintain_at = now + SLICE; /* other threads need not come here meanwhile */
	/* What it cannot do, the call that meets the limit will say. */
	if (snowid_ruby_maintain(g->handle, &again_in_ns) != 0)
		again_in_ns = NS_PER_SEC;
	g->maintain_at = __builtin_add_overflow(now, again_in_ns, &next) ? UINT64_MAX : next;
}

static VALUE new_wide(VALUE class, const struct snowid_id128 *id)
{
	const VALUE object = rb_obj_alloc(class);
	const VALUE bytes = rb_str_new((const char *)id->bytes, sizeof id->bytes);

	rb_ivar_set(object, rb_intern("@bytes"), rb_obj_freeze(bytes));
	return rb_obj_freeze(object);
}

static VALUE value_of(const struct generator *g, uint64_t number, const struct snowid_id128 *wide)
{
	return NIL_P(g->wide) ? ULL2NUM(number) : new_wide(g->wide, wide);
}

/* The keywords of a call that takes this many other arguments. */
static VALUE options_of(int argc, const VALUE *argv, int others)
{
	const int keywords = rb_keyword_given_p() ? 1 : 0;

	rb_check_arity(argc - keywords, others, others);
	return keywords ? argv[argc - 1] : Qnil;
}

/* The value of `timeout:` in ns. */
static uint64_t read_timeout(const struct generator *g, VALUE options)
{
	static ID names[1];
	VALUE value = Qundef;

	if (!names[0])
		names[0] = rb_intern("timeout");
	if (!NIL_P(options))
		rb_get_kwargs(options, names, 0, 1, &value);
	if (value == Qundef || NIL_P(value))
		return g->timeout_ns;
	return snowid_ruby_unsigned(rb_funcall(module, rb_intern("nanoseconds"), 1, value),
				    "timeout", UINT64_MAX);
}

/*
 * call-seq:
 *   next(timeout: nil) -> Integer, ULID or UUID
 *
 * Makes an ID. Waits for up to +timeout+ seconds, or for the generator's own timeout if that is nil.
 */
static VALUE generator_next(int argc, VALUE *argv, VALUE self)
{
	struct generator *const g = generator_of(self);
	struct draw d = {.g = g, .timeout_ns = g->timeout_ns};

	if (argc > 0)
		d.timeout_ns = read_timeout(g, options_of(argc, argv, 0));
	look_after(g);
	draw(&d);
	if (d.error)
		snowid_ruby_raise(d.error, d.wait_ns);
	return value_of(g, d.id.number, &d.id.wide);
}

/*
 * call-seq:
 *   try_next -> Integer, ULID, UUID or nil
 *   try_next { |seconds| ... } -> Integer, ULID, UUID or what the block returns
 *
 * Makes an ID without waiting, or returns nil if it would have to wait. A block is then called with the
 * number of seconds after which to try again, and its value is returned instead of nil.
 */
static VALUE generator_try_next(VALUE self)
{
	struct generator *const g = generator_of(self);
	struct draw d = {.g = g};

	look_after(g);
	draw(&d);
	if (d.error == 0)
		return value_of(g, d.id.number, &d.id.wide);
	if (d.wait_ns == 0)
		snowid_ruby_raise(d.error, 0);
	if (!rb_block_given_p())
		return Qnil;
	return rb_yield(DBL2NUM((double)d.wait_ns / (double)NS_PER_SEC));
}

/* Appends up to `count` that can be had without waiting. Returns their number. */
static size_t append_chunk(const struct generator *g, size_t count, VALUE ids)
{
	union chunk chunk;
	size_t made = 0;

	if (NIL_P(g->wide))
		snowid_generator_next_batch(g->handle, chunk.number, count, 0, &made);
	else
		snowid_generator_next128_batch(g->handle, chunk.wide, count, 0, &made);
	for (size_t i = 0; i < made; i++)
		rb_ary_push(ids, NIL_P(g->wide) ? ULL2NUM(chunk.number[i])
						: new_wide(g->wide, &chunk.wide[i]));
	return made;
}

/*
 * call-seq:
 *   batch(count, timeout: nil) -> Array
 *
 * Makes an Array of +count+ IDs in increasing order. Waits for up to +timeout+ seconds in total. If it fails,
 * Error#partial contains the IDs already made.
 */
static VALUE generator_batch(int argc, VALUE *argv, VALUE self)
{
	struct generator *const g = generator_of(self);
	struct draw d = {.g = g};
	const VALUE ids = rb_ary_new();
	VALUE error;
	uint64_t left;

	d.timeout_ns = read_timeout(g, options_of(argc, argv, 1));
	left = snowid_ruby_unsigned(argv[0], "count", LONG_MAX);
	look_after(g);
	while (left > 0) {
		const size_t made = append_chunk(g, left < CHUNK ? (size_t)left : CHUNK, ids);
		left -= made;
		rb_thread_check_ints(); /* a long one can be interrupted, and lets others run */
		if (made > 0)
			continue;
		draw(&d);
		if (d.error) {
			error = snowid_ruby_error(d.error, d.wait_ns);
			rb_ivar_set(error, rb_intern("@partial"), ids);
			rb_exc_raise(error);
		}
		rb_ary_push(ids, value_of(g, d.id.number, &d.id.wide));
		left--;
	}
	return ids;
}

/* ---- classes --------------------------------------------------------------------------------- */

/* A span as the library writes it: an integer and a unit. */
static uint64_t span_ns(const char *text)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = {{"ns", 1},         {"us", 1000},           {"ms", 1000000},
		     {"s", NS_PER_SEC}, {"m", 60 * NS_PER_SEC}, {"h", 3600 * NS_PER_SEC}};
	char *unit;
	const uint64_t value = strtoull(text, &unit, 10);

	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (strcmp(unit, units[i].unit) == 0)
			return value * units[i].ns;
	return value;
}

/* The class of the IDs of a kind. */
static VALUE class_of_kind(const char *kind)
{
	if (strcmp(kind, "ulid") == 0)
		return constant("ULID");
	if (strcmp(kind, "uuid1") == 0 || strcmp(kind, "uuid6") == 0 || strcmp(kind, "uuid7") == 0)
		return constant("UUID");
	return Qnil;
}

VALUE snowid_ruby_new_generator(struct snowid_generator *generator)
{
	char kind[16] = "", timeout[32] = "", store[16] = "";
	struct generator *g;
	const VALUE object =
		TypedData_Make_Struct(constant("Generator"), struct generator, &generator_type, g);

	rb_gc_adjust_memory_usage(PAGE);
	g->handle = generator;
	g->maintain_at = 0;
	/* What does not fit is none of those that are looked for. */
	snowid_generator_get(generator, "kind", kind, sizeof kind, NULL);
	g->wide = class_of_kind(kind);
	snowid_generator_get(generator, "timeout", timeout, sizeof timeout, NULL);
	g->timeout_ns = span_ns(timeout);
	snowid_generator_get(generator, "store", store, sizeof store, NULL);
	if (strcmp(store, "memory:") == 0)
		g->maintain_at = UINT64_MAX;
	return object;
}

static void define_object(VALUE class, rb_alloc_func_t allocate)
{
	rb_define_alloc_func(class, allocate);
	rb_define_private_method(class, "adopt", adopt, 1);
}

/* Document-class: Snowid::Native::Layout
 * Of SWIG. */
/* Document-class: Snowid::Native::Clock
 * Of SWIG. */
/* Document-class: Snowid::Native::Generator
 * Of SWIG. */

/* The classes of users, each below that of SWIG. It is written as RDoc and YARD read it. */
void snowid_ruby_init(void)
{
	VALUE native_layout, native_clock, native_generator, layout, clock, generator;

#ifdef HAVE_RB_EXT_RACTOR_SAFE
	rb_ext_ractor_safe(true);
#endif
	module = rb_define_module("Snowid");
	/* What SWIG makes of the library. */
	native_module = rb_define_module_under(module, "Native");
	native_layout = rb_define_class_under(native_module, "Layout", rb_cObject);
	native_clock = rb_define_class_under(native_module, "Clock", rb_cObject);
	native_generator = rb_define_class_under(native_module, "Generator", rb_cObject);
	layout = rb_define_class_under(module, "Layout", native_layout);
	clock = rb_define_class_under(module, "ManualClock", native_clock);
	generator = rb_define_class_under(module, "Generator", native_generator);
	define_object(layout, allocate_layout);
	define_object(clock, allocate_clock);
	define_object(generator, allocate_generator);
	rb_define_method(generator, "next", generator_next, -1);
	rb_define_method(generator, "try_next", generator_try_next, 0);
	rb_define_method(generator, "batch", generator_batch, -1);
}
