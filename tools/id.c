/* SPDX-License-Identifier: MIT
 *
 * Forms, and IDs of 64 or 128 bits. The library keeps the two widths apart; the command line treats
 * them alike.
 */
#include <stdio.h>
#include <string.h>

#include "snowid-tool.h"

/* ---- forms ----------------------------------------------------------------------------------- */

static bool is_wide_form(int form)
{
	return form == FORM_ULID || form == FORM_UUID;
}

static _Noreturn void exit_unknown_form(const char *option, const char *name)
{
	struct suggestion suggestion = {.wanted = name};
	char names[256] = "";
	size_t used = 0;

	for (int form = 0; snowid_form_name((enum snowid_form)form); form++) {
		suggest_name(&suggestion, snowid_form_name((enum snowid_form)form));
		used += (size_t)snprintf(names + used, sizeof names - used, "%s, ",
					 snowid_form_name((enum snowid_form)form));
	}
	suggest_name(&suggestion, "masked");
	suggest_name(&suggestion, "ulid");
	suggest_name(&suggestion, "uuid");
	if (*suggestion_text(&suggestion))
		exit_usage("%s: there is no form \"%s\"%s", option, name,
			   suggestion_text(&suggestion));
	exit_usage("%s: there is no form \"%s\"; the forms are %smasked and, for 128 bits, ulid "
		   "and uuid",
		   option, name, names);
}

int parse_form(const char *option, const char *name)
{
	enum snowid_form form;

	if (!name)
		return FORM_DEFAULT;
	if (strcmp(name, "ulid") == 0)
		return FORM_ULID;
	if (strcmp(name, "uuid") == 0)
		return FORM_UUID;
	if (strcmp(name, "masked") == 0)
		return FORM_MASKED;
	if (snowid_form_parse(name, &form) != 0)
		exit_unknown_form(option, name);
	return (int)form;
}

int parse_form_for_kind(const char *option, const char *name, const struct kind *kind)
{
	const int form = parse_form(option, name);

	if (form != FORM_DEFAULT && is_wide_form(form) != !!kind->wide)
		exit_usage("%s: IDs of the kind %s have %s bits, and no form %s", option,
			   kind->name, kind->wide ? "128" : "64", name);
	return form;
}

const char *wrong_form(const struct id *id, int form)
{
	if (id->type == ID_64 && form == FORM_MASKED)
		return error_detail(); /* it has more bits than the kind */
	return id->type == ID_64 ? "an ID of 64 bits has no 128-bit form; use decimal, hex, …"
				 : "a 128-bit ID only has the forms ulid and uuid";
}

/* ---- IDs ------------------------------------------------------------------------------------- */

/* Recognizes a form by the length of the text: 26 characters are a ULID; 32, 36, 38 ("{…}") and 45
 * ("urn:uuid:…") are a UUID. No other form is as long. */
static int form_of_text(size_t length, const struct kind *kind)
{
	if (length == 26)
		return FORM_ULID;
	if (length == 32 || length == 36 || length == 38 || length == 45)
		return FORM_UUID;
	if (kind->wide)
		return kind_is_ulid(kind) ? FORM_ULID : FORM_UUID;
	return SNOWID_FORM_DECIMAL;
}

int id_read(const char *text, size_t length, const struct kind *kind, int form, struct id *id)
{
	if (form == FORM_DEFAULT)
		form = form_of_text(length, kind);
	if (!is_wide_form(form)) {
		id->type = ID_64;
		if (form == FORM_MASKED)
			return mask_read(text, length, &id->number);
		return snowid_id_parse(text, length, (enum snowid_form)form, &id->number);
	}
	/* The same 16 bytes can be either: the kind decides if it is one of the two. */
	if (kind->wide)
		id->type = kind_id_type(kind);
	else
		id->type = form == FORM_ULID ? ID_ULID : ID_UUID;
	return form == FORM_ULID ? snowid_ulid_parse(text, length, &id->wide)
				 : snowid_uuid_parse(text, length, &id->wide);
}

size_t id_write(const struct id *id, int form, char text[ID_TEXT])
{
	if (form == FORM_DEFAULT)
		form = id->type == ID_64     ? SNOWID_FORM_DECIMAL
		       : id->type == ID_ULID ? FORM_ULID
					     : FORM_UUID;
	if (is_wide_form(form) == (id->type == ID_64))
		return 0;
	if (form == FORM_MASKED && !mask_write(id->number, text))
		return 0;
	if (form == FORM_ULID)
		snowid_ulid_format(&id->wide, text);
	else if (form == FORM_UUID)
		snowid_uuid_format(&id->wide, text);
	else if (form != FORM_MASKED)
		snowid_id_format(id->number, (enum snowid_form)form, text);
	return strlen(text);
}

int id_compare(const struct id *a, const struct id *b)
{
	if (a->type != ID_64)
		return snowid_id128_compare(&a->wide, &b->wide);
	return (a->number > b->number) - (a->number < b->number);
}

/* ---- instants -------------------------------------------------------------------------------- */

static int layout_at(const struct snowid_layout *layout, int64_t sec, uint32_t nsec, bool largest,
		     uint64_t *id)
{
	return largest ? snowid_layout_last_at(layout, sec, nsec, id)
		       : snowid_layout_first_at(layout, sec, nsec, id);
}

static int ulid_at(int64_t sec, uint32_t nsec, bool largest, struct snowid_id128 *id)
{
	return largest ? snowid_ulid_last_at(sec, nsec, id) : snowid_ulid_first_at(sec, nsec, id);
}

static int uuid_at(unsigned version, int64_t sec, uint32_t nsec, bool largest,
		   struct snowid_id128 *id)
{
	return largest ? snowid_uuid_last_at(version, sec, nsec, id)
		       : snowid_uuid_first_at(version, sec, nsec, id);
}

int id_at(const struct kind *kind, int64_t sec, uint32_t nsec, bool largest, struct id *id)
{
	id->type = kind_id_type(kind);
	if (id->type == ID_64)
		return layout_at(kind->layout, sec, nsec, largest, &id->number);
	if (id->type == ID_ULID)
		return ulid_at(sec, nsec, largest, &id->wide);
	return uuid_at(kind->wide->version, sec, nsec, largest, &id->wide);
}

int id_time(const struct kind *kind, const struct id *id, int64_t *sec, uint32_t *nsec)
{
	int64_t ms;

	if (id->type == ID_64)
		return snowid_layout_time(kind->layout, id->number, sec, nsec);
	if (id->type == ID_UUID)
		return snowid_uuid_time(&id->wide, sec, nsec);
	const int error = snowid_ulid_time_ms(&id->wide, &ms);
	if (!error) {
		*sec = ms / 1000;
		*nsec = (uint32_t)(ms % 1000) * 1000000;
	}
	return error;
}

bool id_is_of_future(const struct kind *kind, const struct id *id)
{
	int64_t sec;
	uint32_t nsec;
	return id_time(kind, id, &sec, &nsec) == 0 && sec > now_seconds() + 86400;
}

bool id_field(const struct kind *kind, const struct id *id, const char *name, uint64_t *value)
{
	unsigned clock_seq;
	uint8_t node[6];

	if (id->type == ID_64)
		return snowid_layout_field(kind->layout, id->number, name, value) == 0;
	if (id->type == ID_UUID && strcmp(name, "clock_seq") == 0 &&
	    snowid_uuid_clock_seq(&id->wide, &clock_seq) == 0) {
		*value = clock_seq;
		return true;
	}
	if (id->type != ID_UUID || strcmp(name, "node") != 0 ||
	    snowid_uuid_node(&id->wide, node) != 0)
		return false;
	*value = 0;
	for (int i = 0; i < 6; i++)
		*value = *value << 8 | node[i];
	return true;
}
