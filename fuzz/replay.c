/* SPDX-License-Identifier: MIT
 *
 * Runs a fuzz target on each file of a directory, whole, cut short at each byte, and with each byte
 * changed in a few ways.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"

#define SIZE_MAX_OF_INPUT 4096

static size_t runs;

static void run_input(const uint8_t *data, size_t size)
{
	LLVMFuzzerTestOneInput(data, size);
	runs++;
}

static void run_variants(uint8_t *data, size_t size)
{
	static const uint8_t changes[] = {0x00, 0x0a, 0x20, 0x25, 0x80, 0xff};

	run_input(data, size);
	for (size_t i = 0; i < size; i++) {
		const uint8_t kept = data[i];
		run_input(data, i);
		for (size_t c = 0; c < sizeof changes; c++) {
			data[i] = changes[c];
			run_input(data, size);
		}
		data[i] = kept;
	}
}

int main(int argc, char **argv)
{
	DIR *const directory = argc == 2 ? opendir(argv[1]) : NULL;
	uint8_t data[SIZE_MAX_OF_INPUT];
	size_t files = 0;

	if (!directory) {
		fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 2;
	}
	for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
		char path[4096];
		snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
		FILE *const file = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
		if (!file)
			continue;
		run_variants(data, fread(data, 1, sizeof data, file));
		fclose(file);
		files++;
	}
	closedir(directory);
	fuzz_end();
	printf("%s - %zu inputs of %zu files\n", files > 0 ? "ok" : "not ok", runs, files);
	return files > 0 ? 0 : 1;
}
