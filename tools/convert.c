/* SPDX-License-Identifier: MIT
 *
 * snowid convert: converts IDs from one text form to another.
 */
#include "snowid-tool.h"

struct conversion {
	const struct snowid_layout *layout;
	int form;
};

static const char *convert_one(void *user, const struct id *id)
{
	const struct conversion *const conversion = user;
	char text[ID_TEXT];
	uint64_t time;
	const size_t length = id_write(id, conversion->form, text);

	if (length == 0)
		return wrong_form(id, conversion->form);
	if (id->type == ID_64 &&
	    snowid_layout_field(conversion->layout, id->number, "time", &time) != 0)
		return error_detail(); /* the ID has more bits than the kind */
	out_bytes(text, length);
	out_text("\n");
	return NULL;
}

int cmd_convert(const struct options *options)
{
	if (!options->form)
		exit_usage("--form FORM is missing: the form to convert to");
	struct kind kind = kind_open(options->kind ? options->kind : ANY_64_BITS);
	mask_open(options, options->kind ? &kind : NULL);
	struct conversion conversion = {kind.layout, parse_form("--form", options->form)};
	const int status = for_each_id(options, &kind, convert_one, &conversion);

	kind_close(&kind);
	return status;
}
