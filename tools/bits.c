/* SPDX-License-Identifier: MIT
 *
 * Drawings of bits: the parts of a kind as boxes, and the binary digits of one ID.
 */
#include <stdio.h>
#include <string.h>

#include "snowid-tool.h"

#define COLUMNS   80
#define BOX_MIN   8  /* room for "127  80" */
#define BOX_MAX   64 /* the length of `dashes` */
#define TEXT_SIZE 96

static unsigned box_width(const struct part *part)
{
	unsigned width = (unsigned)strlen(part->name) + 2;
	width = width < part->bits ? part->bits : width;
	return width < BOX_MIN ? BOX_MIN : width > BOX_MAX ? BOX_MAX : width;
}

static void draw_centred(const char *text, unsigned width)
{
	const unsigned length = (unsigned)strlen(text), before = (width - length) / 2;
	out_printf("%*s%s%*s", (int)before, "", text, (int)(width - length - before), "");
}

static void draw_border(const struct part *parts, size_t count)
{
	static const char dashes[] =
		"----------------------------------------------------------------";

	for (size_t i = 0; i < count; i++)
		out_printf("+%.*s", (int)box_width(&parts[i]), dashes);
	out_text("+\n");
}

/* Draws the numbers of the highest and lowest bit above each box. `top` is the number above the
 * first box's highest bit. */
static void draw_bit_numbers(const struct part *parts, size_t count, unsigned top)
{
	for (size_t i = 0; i < count; top -= parts[i++].bits) {
		const int width = (int)box_width(&parts[i]);
		if (parts[i].bits > 1)
			out_printf(" %-*u%*u", width / 2, top - 1, width - width / 2,
				   top - parts[i].bits);
		else
			out_printf(" %*u", width, top - 1);
	}
	out_text("\n");
}

/* Draws one row of the boxes: the names or the widths. `index` is that of the first box. */
static void draw_row(const struct part *parts, size_t count, size_t index, bool names)
{
	char text[TEXT_SIZE];

	for (size_t i = 0; i < count; i++) {
		snprintf(text, sizeof text, names ? "%s" : "%.0s%u bit%s", parts[i].name,
			 parts[i].bits, parts[i].bits == 1 ? "" : "s");
		out_text("|");
		out_colour(index + i);
		draw_centred(text, box_width(&parts[i]));
		out_reset_style();
	}
	out_text("|\n");
}

static unsigned total_bits(const struct part *parts, size_t count)
{
	unsigned bits = 0;
	for (size_t i = 0; i < count; i++)
		bits += parts[i].bits;
	return bits;
}

void draw_boxes(const struct kind *kind)
{
	struct part parts[PARTS_MAX];
	const size_t count = kind_parts(kind, parts);
	unsigned top = total_bits(parts, count);

	for (size_t start = 0, end; start < count; start = end) {
		unsigned columns = 1;
		for (end = start; end < count && columns + box_width(&parts[end]) < COLUMNS; end++)
			columns += box_width(&parts[end]) + 1;
		const struct part *const row = parts + start;
		draw_bit_numbers(row, end - start, top);
		draw_border(row, end - start);
		draw_row(row, end - start, start, true);
		draw_row(row, end - start, start, false);
		draw_border(row, end - start);
		top -= total_bits(row, end - start);
	}
}

/* Bit 0 is the lowest. */
static unsigned read_id_bit(const struct id *id, unsigned bit)
{
	if (id->type == ID_64)
		return (unsigned)(id->number >> bit) & 1;
	return id->wide.bytes[15 - bit / 8] >> (bit % 8) & 1;
}

void draw_bits(const struct kind *kind, const struct id *id)
{
	struct part parts[PARTS_MAX];
	const size_t count = kind_parts(kind, parts);
	unsigned bit = total_bits(parts, count);

	for (size_t i = 0; i < count; i++) {
		out_colour(i);
		for (unsigned j = parts[i].bits; j > 0; j--) {
			out_text(read_id_bit(id, --bit) ? "1" : "0");
			if (bit == 64)
				out_text("\n"); /* 128 digits need two lines */
		}
		out_reset_style();
		out_text(bit == 0 || bit == 64 ? "" : " ");
	}
	out_text("\n");
	for (size_t i = 0; i < count; i++) {
		out_colour(i);
		out_printf("%s:%u", parts[i].name, parts[i].bits);
		out_reset_style();
		out_text(i + 1 < count ? " " : "\n");
	}
}
