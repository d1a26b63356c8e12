/* SPDX-License-Identifier: MIT */
#include "libsnowid/store/assigned.h"

#include <inttypes.h>
#include <string.h>

#include "libsnowid/base/error.h"

bool sn_assigned_read_number(const char **text, uint64_t *value)
{
	const size_t digits = strspn(*text, "0123456789");
	if (snowid_id_parse(*text, digits, SNOWID_FORM_DECIMAL, value) != 0)
		return false;
	*text += digits;
	return true;
}

bool sn_assigned_set_workers(struct sn_assigned *assigned, const char *value, size_t length)
{
	const char *text = value;

	assigned->has_range = true;
	return sn_assigned_read_number(&text, &assigned->first_worker) && *text++ == '-' &&
	       sn_assigned_read_number(&text, &assigned->last_worker) && text == value + length &&
	       assigned->first_worker <= assigned->last_worker;
}

bool sn_assigned_set_field(struct sn_assigned *assigned, const char *value, size_t length)
{
	if (length == 0 || length >= sizeof assigned->field)
		return false;
	memcpy(assigned->field, value, length);
	assigned->field[length] = '\0';
	return true;
}

int sn_assigned_find_field(const struct sn_assigned *assigned, const char *store,
			   const struct sn_store_settings *settings, size_t *index)
{
	const bool named = assigned->field[0] != '\0';
	size_t i = 0;

	while (named && i < settings->field_count &&
	       strcmp(settings->fields[i].name, assigned->field) != 0)
		i++;
	*index = named ? i : settings->node_field;
	if (*index < settings->field_count && settings->fields[*index].varies)
		return sn_fail(
			SNOWID_E_STORE,
			"%.100s cannot assign the field %s, because it differs from ID to ID",
			store, assigned->field);
	if (*index < settings->field_count)
		return 0;
	return sn_fail(SNOWID_E_STORE, "%.100s assigns a worker, but the kind has no field \"%s\"",
		       store, named ? assigned->field : "worker");
}

int sn_assigned_find_range(const struct sn_assigned *assigned, const char *store,
			   const struct sn_store_field *field, uint64_t *first, uint64_t *last)
{
	const uint64_t max = field->bits < 64 ? (UINT64_C(1) << field->bits) - 1 : UINT64_MAX;

	*first = assigned->has_range ? assigned->first_worker : 0;
	*last = assigned->has_range ? assigned->last_worker : max;
	if (*last > max)
		return sn_fail(SNOWID_E_RANGE,
			       "workers=%" PRIu64 "-%" PRIu64
			       " in %.100s: the field %s must be from 0 to %" PRIu64,
			       *first, *last, store, field->name, max);
	if (!field->set_by_user)
		return 0;
	if (field->value < *first || field->value > *last)
		return sn_fail(SNOWID_E_RANGE,
			       "the field %s is %" PRIu64 ", but %.100s only has %" PRIu64
			       " to %" PRIu64,
			       field->name, field->value, store, *first, *last);
	*first = *last = field->value;
	return 0;
}
