/* SPDX-License-Identifier: MIT
 *
 * Opens generators without the interpreter's lock. When Ruby interrupts the thread, the wait goes
 * on once its trap handlers have run, unless that raised an exception or ended the thread.
 */
#include <ruby/thread.h>
#include <stdbool.h>

#include "snowid-ruby.h"

struct opening {
	struct snowid_config *config;
	uint64_t timeout_ns;
	bool bounded; /* by timeout_ns */
	struct snowid_generator *generator;
	bool called;
	int error;
	int raised; /* the tag of what is raised in the thread; 0: nothing */
};

static VALUE check_interrupts(VALUE unused)
{
	rb_thread_check_ints();
	return unused;
}

static void *handle_interrupts(void *user)
{
	struct opening *const opening = user;

	rb_protect(check_interrupts, Qnil, &opening->raised);
	return NULL;
}

/* Asks Ruby each time. A flag that Ruby sets to interrupt the wait would be missed for an interrupt
 * that comes while a trap handler runs. */
static int opening_must_end(void *user)
{
	struct opening *const opening = user;

	rb_thread_call_with_gvl(handle_interrupts, opening);
	return opening->raised != 0;
}

static void *open_unlocked(void *user)
{
	struct opening *const opening = user;

	opening->called = true;
	opening->error = opening->bounded
				 ? snowid_generator_new_for(opening->config, opening->timeout_ns,
							    &opening->generator)
				 : snowid_generator_new(opening->config, &opening->generator);
	return NULL;
}

VALUE snowid_ruby_generator_new(int argc, VALUE *argv, VALUE native)
{
	struct opening opening = {.generator = NULL};

	(void)native;
	rb_check_arity(argc, 1, 2);
	opening.config = snowid_ruby_config(argv[0]);
	opening.bounded = argc == 2 && !NIL_P(argv[1]);
	if (opening.bounded)
		opening.timeout_ns = snowid_ruby_unsigned(argv[1], "open_timeout", UINT64_MAX);
	snowid_config_set_interrupt(opening.config, opening_must_end, &opening);
	/* This variant raises nothing, so that no generator is lost; it does not call if an
	 * interrupt is pending. */
	while (!opening.called) {
		rb_thread_check_ints();
		rb_thread_call_without_gvl2(open_unlocked, &opening, RUBY_UBF_IO, NULL);
	}
	snowid_config_set_interrupt(opening.config, NULL, NULL);
	if (opening.error) {
		if (opening.raised)
			rb_jump_tag(opening.raised);
		snowid_ruby_raise(opening.error, 0);
	}
	RB_GC_GUARD(argv[0]);
	return snowid_ruby_new_generator(opening.generator);
}
