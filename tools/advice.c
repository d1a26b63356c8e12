/* SPDX-License-Identifier: MIT
 *
 * What to do next about an ID that is there twice. docs/duplicates.md says the same at length.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "explain.h"

#define FIELDS_TEXT 1024
#define COLUMNS     80

/* Writes what makes a generator the same as the one of the ID: "has datacenter 0, worker 5". */
static void describe_node(const struct knowledge *knowledge, char text[FIELDS_TEXT], bool *all_zero)
{
	struct part parts[PARTS_MAX];
	const size_t count = kind_parts(knowledge->kind, parts);
	size_t used = 0;

	snprintf(text, FIELDS_TEXT, "%s",
		 knowledge->kind->wide ? "has its clock_seq and node" : "makes IDs of this layout");
	for (size_t i = 1; knowledge->kind->layout && i < count && used < FIELDS_TEXT; i++) {
		uint64_t value = 0;
		if (strcmp(parts[i].name, "sequence") == 0 ||
		    !id_field(knowledge->kind, knowledge->id, parts[i].name, &value))
			continue;
		*all_zero = (used == 0 || *all_zero) && value == 0;
		used += (size_t)snprintf(text + used, FIELDS_TEXT - used, "%s %s %" PRIu64,
					 used ? "," : "has", parts[i].name, value);
	}
}

/* In text, a paragraph that begins with a dash. */
static void __attribute__((format(printf, 2, 3)))
advise(const struct knowledge *knowledge, const char *format, ...)
{
	char text[FIELDS_TEXT + 512];
	va_list arguments;
	size_t column = 1;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (knowledge->json) {
		record_item_text(text);
		return;
	}
	out_text("-");
	for (const char *word = text; *word; word += strspn(word, " ")) {
		const size_t length = strcspn(word, " ");
		const bool fits = column + 1 + length <= COLUMNS;
		out_text(fits ? " " : "\n  ");
		out_bytes(word, length);
		column = fits ? column + 1 + length : 2 + length;
		word += length;
	}
	out_text("\n");
}

static void advise_about_clock(const struct knowledge *knowledge)
{
	int64_t sec;
	uint32_t nsec;

	if (id_time(knowledge->kind, knowledge->id, &sec, &nsec) == 0 && sec > now_seconds() + 1)
		advise(knowledge,
		       "The ID is of the future by the clock of this host (%s). Compare the clock "
		       "with that of the host that made the ID. If both are right, its kind is "
		       "another.",
		       age_text(sec));
}

/* Kinds that name no generator. */
static void advise_about_other_kind(const struct knowledge *knowledge)
{
	const unsigned version = knowledge->kind->wide->version;

	if (version == 3 || version == 5) {
		advise(knowledge,
		       "This UUID was made from a name. The same name in the same namespace "
		       "always gives the same UUID, so look for the name that is used twice.");
		return;
	}
	if (version != 4 && version != 7 && !kind_is_ulid(knowledge->kind)) {
		advise(knowledge,
		       "No generator makes UUIDs of this kind: a program chose all of its "
		       "bits.");
		return;
	}
	advise(knowledge,
	       "IDs of this kind name no worker, but contain random bits. Two that are the same "
	       "are nearly always one ID that was stored twice: look for a request that was "
	       "repeated, or a row that was copied.");
	advise(knowledge,
	       "If two programs have made it, see whether their hosts are copies of one virtual "
	       "machine or snapshot that were not given random numbers of their own.");
}

static void advise_without_store(const struct knowledge *knowledge, const char *node)
{
	if (!knowledge->kind)
		advise(knowledge, "No store here belongs to this ID in any kind. If you know its "
				  "kind, name it (--kind KIND).");
	else
		advise(knowledge,
		       "No store here %s. The ID was made by another user, in another container, "
		       "on another host, or with a store that was not looked at (--store URL). "
		       "The store memory: keeps no record.",
		       node);
}

/* `node` completes a sentence about a program or a store: it "has worker 5". */
static void advise_about_stores(const struct knowledge *knowledge, const char *node)
{
	if (knowledge->possible > 1)
		advise(knowledge,
		       "%zu stores here can make the same IDs. Give every program that %s one "
		       "store, or give the programs of each store a worker of their own.",
		       knowledge->possible, node);
	else if (knowledge->possible == 1)
		advise(knowledge,
		       "A store makes each ID once. If no program has used this one twice, another "
		       "program %s as well, and does not use that store.",
		       node);
	else if (knowledge->matching > 0)
		advise(knowledge,
		       "The ID was not made with what these stores contain now. Either it was made "
		       "before they were begun again, or another program %s as well.",
		       node);
	else
		advise_without_store(knowledge, node);
}

static bool names_generator(const struct kind *kind)
{
	return !kind || !kind->wide || kind->wide->version == 1 || kind->wide->version == 6;
}

void record_advice(const struct knowledge *knowledge)
{
	char node[FIELDS_TEXT] = "can make it";
	bool all_zero = false;

	record_list_begin("advice");
	if (!knowledge->json)
		out_text("\nWhat to do next:\n");
	if (knowledge->kind) {
		describe_node(knowledge, node, &all_zero);
		advise_about_clock(knowledge);
	}
	if (!names_generator(knowledge->kind)) {
		advise_about_other_kind(knowledge);
	} else {
		advise_about_stores(knowledge, node);
		if (all_zero)
			advise(knowledge,
			       "0 in every field is what 'snowid' uses if no field is "
			       "given. Give each program that makes IDs its own worker.");
		advise(knowledge,
		       "Ask the same elsewhere: as each user, in each container and on each host "
		       "that makes IDs of this kind. DUPLICATES in snowid(1) says what to look "
		       "for.");
	}
	record_list_end();
}
