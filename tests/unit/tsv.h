/* SPDX-License-Identifier: MIT
 *
 * Reads the files of tests/vectors: a header, then one case a line, columns separated by tabs.
 */
#ifndef TESTS_TSV_H
#define TESTS_TSV_H

#include <stdio.h>

#include "tests/unit/check.h"

#define TSV_COLUMNS 8

/* Calls each() for every case of a file. Returns how many there were. */
static inline int tsv_read(const char *path, void (*each)(char *column[TSV_COLUMNS]))
{
	FILE *const file = fopen(path, "r");
	char line[1024];
	int cases = 0;

	ck_assert_msg(file != NULL, "cannot open %s", path);
	ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
	while (fgets(line, sizeof line, file)) {
		char *column[TSV_COLUMNS] = {NULL};
		char *rest = line;
		line[strcspn(line, "\n")] = '\0';
		for (int i = 0; i < TSV_COLUMNS && rest; i++)
			column[i] = strsep(&rest, "\t");
		each(column);
		cases++;
	}
	fclose(file);
	return cases;
}

#endif
