/* SPDX-License-Identifier: MIT
 *
 * Settings, one KEY=VALUE a line, URLs of stores included. What is set is read back, and must then
 * be accepted again. No store is opened.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "snowid.h"

static void check_setting(struct snowid_config *config, const char *key, const char *text)
{
	char read[8192], again[8192];

	if (snowid_config_set(config, key, text) != 0)
		return;
	if (snowid_config_get(config, key, read, sizeof read, NULL) != 0 ||
	    snowid_config_set(config, key, read) != 0 ||
	    snowid_config_get(config, key, again, sizeof again, NULL) != 0 ||
	    strcmp(read, again) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct snowid_config *config;
	char *const lines = malloc(size + 1);
	char *rest = lines, *line;

	if (!lines || snowid_config_new(&config) != 0)
		abort();
	memcpy(lines, data, size);
	lines[size] = '\0';
	while ((line = strsep(&rest, "\n"))) {
		char *const equals = strchr(line, '=');
		if (equals) {
			*equals = '\0';
			check_setting(config, line, equals + 1);
		}
	}
	snowid_config_free(config);
	free(lines);
	return 0;
}

void fuzz_end(void)
{
}
