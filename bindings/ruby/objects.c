/* SPDX-License-Identifier: MIT
 *
 * The library's objects as objects of Ruby, and the calls that draw IDs.
 *
 * A call that waits releases the interpreter's lock, and checks for interrupts after each slice of
 * the wait, so that Ctrl-C and Thread#kill work. A call that need not wait keeps the lock, because
 * releasing it and taking it again costs more than an ID.
 */
#include <ruby/thread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "snowid-ruby.h"

#define NS_PER_SEC UINT64_C(1000000000)
#define SLICE      (NS_PER_SEC / 10)
#define CHUNK      512  /* IDs of a batch made at a time */
#define PAGE       4096 /* memory of a generator or a manual clock outside of Ruby's heap */

struct ruby_generator {
	struct snowid_generator *handle;
	VALUE wide;                   /* the class of its IDs; nil if they are Integers */
	uint64_t timeout_ns;          /* of calls without a timeout of their own */
	_Atomic uint64_t maintain_at; /* when to maintain the store next; UINT64_MAX: never */
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

static void free_mask(void *mask)
{
	snowid_mask_free(mask);
}

static void free_clock(void *clock)
{
	snowid_clock_free(clock);
	rb_gc_adjust_memory_usage(-PAGE);
}

static void free_generator(void *pointer)
{
	struct ruby_generator *const generator = pointer;
	snowid_generator_free(generator->handle);
	xfree(generator);
	rb_gc_adjust_memory_usage(-PAGE);
}

static void mark_generator(void *pointer)
{
	const struct ruby_generator *const generator = pointer;
	rb_gc_mark(generator->wide);
}

/* Ractors of Ruby 3 can share frozen objects. To the library they are ordinary threads. */
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
DATA_TYPE(mask, NULL)
DATA_TYPE(generator, mark_generator)

static VALUE allocate_layout(VALUE class)
{
	return TypedData_Wrap_Struct(class, &layout_type, NULL);
}

static VALUE allocate_clock(VALUE class)
{
	return TypedData_Wrap_Struct(class, &clock_type, NULL);
}

static VALUE allocate_mask(VALUE class)
{
	return TypedData_Wrap_Struct(class, &mask_type, NULL);
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

struct snowid_mask *snowid_ruby_mask(VALUE object)
{
	return handle_of(object, &mask_type);
}

static struct ruby_generator *unwrap_generator(VALUE object)
{
	return handle_of(object, &generator_type);
}

struct snowid_generator *snowid_ruby_generator(VALUE object)
{
	return unwrap_generator(object)->handle;
}

static VALUE snowid_constant(const char *name)
{
	return rb_const_get(module, rb_intern(name));
}

VALUE snowid_ruby_new_layout(struct snowid_layout *layout)
{
	return TypedData_Wrap_Struct(snowid_constant("Layout"), &layout_type, layout);
}

VALUE snowid_ruby_new_config(struct snowid_config *config)
{
	return TypedData_Wrap_Struct(rb_const_get(native_module, rb_intern("Config")), &config_type,
				     config);
}

VALUE snowid_ruby_new_mask(struct snowid_mask *mask)
{
	return TypedData_Wrap_Struct(snowid_constant("Mask"), &mask_type, mask);
}

VALUE snowid_ruby_new_clock(struct snowid_clock *clock)
{
	rb_gc_adjust_memory_usage(PAGE);
	return TypedData_Wrap_Struct(snowid_constant("ManualClock"), &clock_type, clock);
}

/* Takes the handle from another object of the same class. `initialize` uses it to fill itself from
 * an object that a function of the library has made. */
static VALUE adopt_handle(VALUE self, VALUE other)
{
	const rb_data_type_t *const type = RTYPEDDATA_TYPE(self);
	void *const handle = rb_check_typeddata(other, type);

	if (DATA_PTR(self))
		rb_raise(rb_eTypeError, "already initialized %" PRIsVALUE, rb_obj_class(self));
	DATA_PTR(self) = handle;
	DATA_PTR(other) = NULL;
	return self;
}

/* ---- calls without the interpreter's lock ---------------------------------------------------- */

struct maintenance {
	struct snowid_generator *generator;
	uint64_t ns; /* close: the timeout; maintain: when to call it again */
	int error;
};

static void *close_unlocked(void *user)
{
	struct maintenance *const call = user;
	call->error = snowid_generator_close(call->generator, call->ns);
	return NULL;
}

int snowid_ruby_close(struct snowid_generator *generator, uint64_t timeout_ns)
{
	struct maintenance call = {generator, timeout_ns, 0};
	rb_thread_call_without_gvl(close_unlocked, &call, RUBY_UBF_IO, NULL);
	return call.error;
}

static void *maintain_unlocked(void *user)
{
	struct maintenance *const call = user;
	call->error = snowid_generator_maintain(call->generator, &call->ns);
	return NULL;
}

int snowid_ruby_maintain(struct snowid_generator *generator, uint64_t *next_call_ns)
{
	struct maintenance call = {generator, 0, 0};
	rb_thread_call_without_gvl(maintain_unlocked, &call, RUBY_UBF_IO, NULL);
	*next_call_ns = call.ns;
	return call.error;
}

/* ---- drawing --------------------------------------------------------------------------------- */

union ruby_id_value {
	uint64_t number;
	struct snowid_id128 wide;
};

union chunk {
	uint64_t number[CHUNK];
	struct snowid_id128 wide[CHUNK];
};

struct draw {
	const struct ruby_generator *generator;
	union ruby_id_value id;
	uint64_t timeout_ns, wait_ns;
	int error;
};

static int try_next_id(struct draw *draw)
{
	draw->wait_ns = 0;
	return NIL_P(draw->generator->wide)
		       ? snowid_generator_try_next(draw->generator->handle, &draw->id.number,
						   &draw->wait_ns)
		       : snowid_generator_try_next128(draw->generator->handle, &draw->id.wide,
						      &draw->wait_ns);
}

static void *wait_for_id(void *user)
{
	struct draw *const draw = user;
	const uint64_t span = draw->timeout_ns < SLICE ? draw->timeout_ns : SLICE;

	draw->error =
		NIL_P(draw->generator->wide)
			? snowid_generator_next_for(draw->generator->handle, span, &draw->id.number)
			: snowid_generator_next128_for(draw->generator->handle, span,
						       &draw->id.wide);
	/* The time waited by the generator's own clock: the whole span if it failed, else what the
	 * try predicted. */
	draw->timeout_ns -= draw->error || draw->wait_ns > span ? span : draw->wait_ns;
	return NULL;
}

/* Draws one ID, and waits for it if waiting can help. */
static void draw_or_wait(struct draw *draw)
{
	while ((draw->error = try_next_id(draw)) != 0 && draw->wait_ns > 0 &&
	       draw->timeout_ns > 0) {
		rb_thread_call_without_gvl(wait_for_id, draw, RUBY_UBF_IO, NULL);
		if (draw->error == 0)
			return;
	}
}

static uint64_t coarse_now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

/* Draws that do not wait never renew the store, so every call maintains it when that is due. */
static void maintain_when_due(struct ruby_generator *generator)
{
	const uint64_t maintain_at =
		atomic_load_explicit(&generator->maintain_at, memory_order_relaxed);
	uint64_t next_call_ns = NS_PER_SEC, now, next;

	if (maintain_at == UINT64_MAX)
		return;
	now = coarse_now_ns();
	if (now < maintain_at)
		return;
	generator->maintain_at = now + SLICE; /* keeps other threads out */
	/* Ignore errors: if the store keeps failing, draws fail when they reach its limit. */
	if (snowid_ruby_maintain(generator->handle, &next_call_ns) != 0)
		next_call_ns = NS_PER_SEC;
	generator->maintain_at =
		__builtin_add_overflow(now, next_call_ns, &next) ? UINT64_MAX : next;
}

static VALUE new_id128(VALUE class, const struct snowid_id128 *id)
{
	const VALUE object = rb_obj_alloc(class);
	const VALUE bytes = rb_str_new((const char *)id->bytes, sizeof id->bytes);

	rb_ivar_set(object, rb_intern("@bytes"), rb_obj_freeze(bytes));
	return rb_obj_freeze(object);
}

static VALUE id_value(const struct ruby_generator *generator, uint64_t number,
		      const struct snowid_id128 *wide)
{
	return NIL_P(generator->wide) ? ULL2NUM(number) : new_id128(generator->wide, wide);
}

/* Returns the keyword arguments of a call that takes `others` other arguments. */
static VALUE keyword_options(int argc, const VALUE *argv, int others)
{
	const int keywords = rb_keyword_given_p() ? 1 : 0;

	rb_check_arity(argc - keywords, others, others);
	return keywords ? argv[argc - 1] : Qnil;
}

/* Returns the value of `timeout:` in ns. */
static uint64_t timeout_option(const struct ruby_generator *generator, VALUE options)
{
	static ID names[1];
	VALUE value = Qundef;

	if (!names[0])
		names[0] = rb_intern("timeout");
	if (!NIL_P(options))
		rb_get_kwargs(options, names, 0, 1, &value);
	if (value == Qundef || NIL_P(value))
		return generator->timeout_ns;
	value = rb_funcall(snowid_constant("Convert"), rb_intern("timeout"), 1, value);
	return snowid_ruby_unsigned(value, "timeout", UINT64_MAX);
}

/*
 * call-seq:
 *   next(timeout: nil) -> Integer, ULID or UUID
 *
 * Makes an ID. Waits for up to +timeout+, a number of seconds or text such as "250ms", or for the
 * generator's own timeout if that is nil.
 */
static VALUE generator_next(int argc, VALUE *argv, VALUE self)
{
	struct ruby_generator *const generator = unwrap_generator(self);
	struct draw draw = {.generator = generator, .timeout_ns = generator->timeout_ns};

	if (argc > 0)
		draw.timeout_ns = timeout_option(generator, keyword_options(argc, argv, 0));
	maintain_when_due(generator);
	draw_or_wait(&draw);
	if (draw.error)
		snowid_ruby_raise(draw.error, draw.wait_ns);
	return id_value(generator, draw.id.number, &draw.id.wide);
}

/*
 * call-seq:
 *   try_next -> Integer, ULID, UUID or nil
 *   try_next { |seconds| ... } -> Integer, ULID, UUID or what the block returns
 *
 * Makes an ID without waiting, or returns nil if it would have to wait. A block is then called with
 * the number of seconds after which to try again, and its value is returned instead of nil.
 */
static VALUE generator_try_next(VALUE self)
{
	struct ruby_generator *const generator = unwrap_generator(self);
	struct draw draw = {.generator = generator};

	maintain_when_due(generator);
	draw_or_wait(&draw);
	if (draw.error == 0)
		return id_value(generator, draw.id.number, &draw.id.wide);
	if (draw.wait_ns == 0)
		snowid_ruby_raise(draw.error, 0);
	if (!rb_block_given_p())
		return Qnil;
	return rb_yield(DBL2NUM((double)draw.wait_ns / (double)NS_PER_SEC));
}

/* Appends up to `count` IDs that are available without waiting. Returns how many. */
static size_t append_chunk(const struct ruby_generator *generator, size_t count, VALUE ids)
{
	union chunk chunk;
	size_t made = 0;

	if (NIL_P(generator->wide))
		snowid_generator_next_batch(generator->handle, chunk.number, count, 0, &made);
	else
		snowid_generator_next128_batch(generator->handle, chunk.wide, count, 0, &made);
	for (size_t i = 0; i < made; i++)
		rb_ary_push(ids, NIL_P(generator->wide)
					 ? ULL2NUM(chunk.number[i])
					 : new_id128(generator->wide, &chunk.wide[i]));
	return made;
}

/*
 * call-seq:
 *   batch(count, timeout: nil) -> Array
 *
 * Makes an Array of +count+ IDs in increasing order. Waits for up to +timeout+ in total. If
 * it fails, Error#partial contains the IDs already made.
 */
static VALUE generator_batch(int argc, VALUE *argv, VALUE self)
{
	struct ruby_generator *const generator = unwrap_generator(self);
	struct draw draw = {.generator = generator};
	const VALUE ids = rb_ary_new();
	VALUE error;
	uint64_t left;

	draw.timeout_ns = timeout_option(generator, keyword_options(argc, argv, 1));
	left = snowid_ruby_unsigned(argv[0], "count", LONG_MAX);
	maintain_when_due(generator);
	while (left > 0) {
		const size_t made =
			append_chunk(generator, left < CHUNK ? (size_t)left : CHUNK, ids);
		left -= made;
		rb_thread_check_ints(); /* so that a long batch can be interrupted */
		if (made > 0)
			continue;
		draw_or_wait(&draw);
		if (draw.error) {
			error = snowid_ruby_error(draw.error, draw.wait_ns);
			rb_ivar_set(error, rb_intern("@partial"), ids);
			rb_exc_raise(error);
		}
		rb_ary_push(ids, id_value(generator, draw.id.number, &draw.id.wide));
		left--;
	}
	return ids;
}

/* ---- classes --------------------------------------------------------------------------------- */

/* Returns the class of a kind's IDs. */
static VALUE id_class_of_kind(const char *kind)
{
	if (strcmp(kind, "ulid") == 0)
		return snowid_constant("ULID");
	if (strcmp(kind, "uuid1") == 0 || strcmp(kind, "uuid6") == 0 || strcmp(kind, "uuid7") == 0)
		return snowid_constant("UUID");
	return Qnil;
}

VALUE snowid_ruby_new_generator(struct snowid_generator *handle)
{
	char kind[16] = "", timeout[SNOWID_SPAN_TEXT] = "";
	struct ruby_generator *generator;
	int error;
	const VALUE object = TypedData_Make_Struct(
		snowid_constant("Generator"), struct ruby_generator, &generator_type, generator);

	rb_gc_adjust_memory_usage(PAGE);
	generator->handle = handle;
	generator->maintain_at = 0; /* the first call asks, and some stores never need it */
	/* A value that does not fit is longer than the names we look for. */
	error = snowid_generator_get(handle, "kind", kind, sizeof kind, NULL);
	generator->wide = error ? Qnil : id_class_of_kind(kind);
	error = snowid_generator_get(handle, "timeout", timeout, sizeof timeout, NULL);
	if (!error)
		error = snowid_span_parse(timeout, strlen(timeout), &generator->timeout_ns);
	if (error)
		snowid_ruby_raise(error, 0);
	return object;
}

static void define_native_class(VALUE class, rb_alloc_func_t allocate)
{
	rb_define_alloc_func(class, allocate);
	rb_define_private_method(class, "adopt", adopt_handle, 1);
}

/* Document-class: Snowid::Native::Layout
 * Of SWIG. */
/* Document-class: Snowid::Native::Clock
 * Of SWIG. */
/* Document-class: Snowid::Native::Generator
 * Of SWIG. */
/* Document-class: Snowid::Native::Mask
 * Of SWIG. */

/* Defines the public classes, each derived from SWIG's, in a form that RDoc and YARD can read. */
void snowid_ruby_init(void)
{
	VALUE native_layout, native_clock, native_generator, native_mask;
	VALUE layout, clock, generator, mask;

#ifdef HAVE_RB_EXT_RACTOR_SAFE
	rb_ext_ractor_safe(true);
#endif
	module = rb_define_module("Snowid");
	/* SWIG's wrappers of the library. */
	native_module = rb_define_module_under(module, "Native");
	native_layout = rb_define_class_under(native_module, "Layout", rb_cObject);
	native_clock = rb_define_class_under(native_module, "Clock", rb_cObject);
	native_generator = rb_define_class_under(native_module, "Generator", rb_cObject);
	native_mask = rb_define_class_under(native_module, "Mask", rb_cObject);
	layout = rb_define_class_under(module, "Layout", native_layout);
	clock = rb_define_class_under(module, "ManualClock", native_clock);
	generator = rb_define_class_under(module, "Generator", native_generator);
	mask = rb_define_class_under(module, "Mask", native_mask);
	define_native_class(layout, allocate_layout);
	define_native_class(clock, allocate_clock);
	define_native_class(generator, allocate_generator);
	define_native_class(mask, allocate_mask);
	rb_define_method(generator, "next", generator_next, -1);
	rb_define_method(generator, "try_next", generator_try_next, 0);
	rb_define_method(generator, "batch", generator_batch, -1);
}
