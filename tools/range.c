/* SPDX-License-Identifier: MIT
 *
 * snowid range: shows the first and the last ID of a period.
 */
#include "snowid-tool.h"

int cmd_range(const struct options *options)
{
	struct kind kind = kind_open(options->kind ? options->kind : DEFAULT_KIND);
	const int form = parse_form_for_kind("--form", options->form, &kind);
	char first_text[ID_TEXT], last_text[ID_TEXT];

	if (!options->from || !options->to)
		exit_usage("%s INSTANT is missing: one end of the period",
			   options->from ? "--to" : "--from");
	if (kind.wide && kind.wide->version == 1)
		exit_usage("--kind uuid1: these IDs do not sort by time; those of uuid6 do");
	const struct id first = id_at_instant(&kind, "--from", options->from, false);
	const struct id last = id_at_instant(&kind, "--to", options->to, true);
	if (id_compare(&first, &last) > 0)
		exit_usage("--to %s is before --from %s", options->to, options->from);
	id_write(&first, form, first_text);
	id_write(&last, form, last_text);
	if (options->json) {
		record_begin(true);
		record_text("kind", "%s", kind.name);
		record_text("first", "%s", first_text);
		record_text("last", "%s", last_text);
		record_end();
	} else {
		out_printf("%s\n%s\n", first_text, last_text);
	}
	kind_close(&kind);
	return 0;
}
