/* SPDX-License-Identifier: MIT
 *
 * snowid explain: for whoever finds an ID twice. Shows what the ID contains, which stores of this
 * host can have made it, and what to do next.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "explain.h"

struct explanation {
	const struct kind *asked; /* NULL without --kind */
	struct witnesses witnesses;
	const struct witness **chosen; /* room for all */
	int form;
	bool json;
};

/* Whether a record belongs to an ID whose kind is not known. Any layout makes some sense of any
 * number, so that those do not count in which the time of the ID is in the future. */
static bool may_belong(const struct witness *witness, const struct id *id)
{
	return witness_matches(witness, NULL, id) && !id_is_of_future(&witness->kind, id);
}

/* Whether a record of the same layout can have made the ID. */
static bool is_of_likely_layout(const struct witnesses *witnesses, const struct witness *witness,
				const struct id *id)
{
	for (size_t i = 0; i < witnesses->count; i++)
		if (may_belong(&witnesses->all[i], id) &&
		    witness_matches(&witnesses->all[i], &witness->kind, id) &&
		    witness_finding(&witnesses->all[i], id).possible != VERDICT_NO)
			return true;
	return false;
}

/* Chooses the records that belong to an ID. If its kind is not known, those of likely layouts, or
 * all if there are none. Returns how many there are. */
static size_t choose_witnesses(const struct explanation *explanation, const struct id *id,
			       const struct witness *chosen[])
{
	const struct witnesses *const witnesses = &explanation->witnesses;
	const bool any_kind = !explanation->asked && id->type == ID_64;
	size_t count = 0, likely = 0;

	for (size_t i = 0; i < witnesses->count; i++) {
		const struct witness *const witness = &witnesses->all[i];
		if (any_kind ? may_belong(witness, id)
			     : witness_matches(witness, explanation->asked, id))
			chosen[count++] = witness;
	}
	for (size_t i = 0; any_kind && i < count; i++)
		if (is_of_likely_layout(witnesses, chosen[i], id))
			chosen[likely++] = chosen[i];
	return likely > 0 ? likely : count;
}

/* The kind of an ID: that of --kind or, of 64 bits, that of the records that belong to it. False if
 * these disagree or there are none. */
static bool find_kind(const struct explanation *explanation, const struct id *id,
		      const struct witness *const chosen[], size_t count, struct kind *kind)
{
	if (id->type != ID_64 || explanation->asked) {
		*kind = kind_of_id(explanation->asked, id);
		return true;
	}
	for (size_t i = 1; i < count; i++)
		if (strcmp(chosen[i - 1]->kind.name, chosen[i]->kind.name) != 0)
			return false;
	if (count > 0)
		*kind = chosen[0]->kind;
	return count > 0;
}

static void record_this_host(void)
{
	char host[256] = "";
	struct timespec now;

	gethostname(host, sizeof host - 1);
	record_text("host", "%s", host);
	clock_gettime(CLOCK_REALTIME, &now);
	record_time("clock", now.tv_sec, (uint32_t)now.tv_nsec / 1000000 * 1000000);
}

/* What a record keeps, but for what is the same in all that belong to an ID. */
static void record_kept_values(const struct witness *witness, bool json)
{
	static const char *const keys[] = {"use",     "holder_pid", "holder_host", "holder_since",
					   "created", "last",       "last_id",     "floor",
					   "limit",   "issued",     "this_boot",   "failed",
					   "durable", "owner",      "error"};
	const char *key, *text;
	enum snowid_value type;

	for (size_t i = 0;
	     snowid_store_info_at(witness->info, witness->record, i, &key, &text, &type) == 0; i++)
		for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
			if (strcmp(key, keys[k]) == 0)
				record_store_value(json, key, text, type);
	if (!json && witness_value(witness, "error")) /* which goes to standard error in lists */
		record_text("error", "%s", witness_value(witness, "error"));
}

static void record_witness(const struct witness *witness, struct knowledge *knowledge)
{
	static const char *const verdicts[][3] = {{"no", "unknown", "yes"},
						  {"false", "null", "true"}};
	const struct finding finding = witness_finding(witness, knowledge->id);
	int64_t sec = 0;
	uint32_t nsec = 0;

	id_time(&witness->kind, knowledge->id, &sec, &nsec);
	knowledge->matching++;
	knowledge->possible += finding.possible == VERDICT_YES;
	record_item_begin();
	record_text("store", "%s", witness_value(witness, "store"));
	record_number("possible", "%s", verdicts[knowledge->json][finding.possible]);
	record_text("why", "%s", finding.why);
	record_text("kind", "%s", witness->kind.name);
	record_time("time", sec, nsec);
	record_kept_values(witness, knowledge->json);
	record_item_end();
}

static void record_witnesses(const struct witness *const chosen[], size_t count,
			     struct knowledge *knowledge)
{
	record_list_begin("stores");
	for (size_t i = 0; i < count; i++)
		record_witness(chosen[i], knowledge);
	record_list_end();
}

static const char *explain_one(void *user, const struct id *id)
{
	const struct explanation *const explanation = user;
	struct kind kind;
	const size_t count = choose_witnesses(explanation, id, explanation->chosen);
	const bool known = find_kind(explanation, id, explanation->chosen, count, &kind);
	struct knowledge knowledge = {id, known ? &kind : NULL, 0, 0, explanation->json};
	char text[ID_TEXT];
	int64_t sec;
	uint32_t nsec;

	if (id_write(id, explanation->form, text) == 0)
		return wrong_form(id, explanation->form);
	if (known && kind.layout && id_time(&kind, id, &sec, &nsec) != 0)
		return error_detail();
	record_begin(explanation->json);
	record_text("id", "%s", text);
	record_this_host();
	if (known) {
		record_text("kind", "%s", kind.name);
		record_id_parts(&kind, id);
	} else {
		record_candidates(id, explanation->json);
	}
	record_witnesses(explanation->chosen, count, &knowledge);
	record_advice(&knowledge);
	record_end();
	return NULL;
}

int cmd_explain(const struct options *options)
{
	struct kind kind = kind_open(options->kind ? options->kind : ANY_64_BITS);
	mask_open(options, options->kind ? &kind : NULL);
	struct explanation explanation = {.asked = options->kind ? &kind : NULL,
					  .form = parse_form("--form", options->form),
					  .json = options->json};

	witnesses_open(&explanation.witnesses, options->stores, options->store_count);
	explanation.chosen = calloc(explanation.witnesses.count + 1, sizeof *explanation.chosen);
	if (!explanation.chosen)
		exit_failure("out of memory");
	const int status = for_each_id(options, &kind, explain_one, &explanation);
	const int result = status ? status : explanation.witnesses.status;
	free(explanation.chosen);
	witnesses_close(&explanation.witnesses);
	kind_close(&kind);
	return result;
}
