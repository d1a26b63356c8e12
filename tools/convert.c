/* SPDX-License-Identifier: MIT
 *
 * snowid convert: IDs from one text form into another.
 */
#include "snowid-tool.h"

struct conversion {
	const struct snowid_layout *layout;
	int form;
};

static const char *convert_one(void *user, const struct id *id)
{
	const struct conversion *const how = user;
	char text[ID_TEXT];
	uint64_t time;
	const size_t length = id_write(id, how->form, text);

	if (length == 0)
		return wrong_form(id);
	if (id->type == ID_64 && snowid_layout_field(how->layout, id->number, "time", &time) != 0)
		return detail(); /* it has more bits than the kind */
	out_bytes(text, length);
	out_text("\n");
	return NULL;
}

int convert(const struct options *options)
{
	if (!options->form)
		usage("--form FORM is missing: the form to convert to");
	/* Without a kind any number of 64 bits will do. */
	struct kind kind = kind_open(options->kind ? options->kind : "time:64");
	struct conversion how = {kind.layout, form_read("--form", options->form)};
	const int status = each_id(options, &kind, convert_one, &how);

	kind_close(&kind);
	return status;
}
