/* SPDX-License-Identifier: MIT
 *
 * snowidd: the ID service. Its command line.
 */
#include <stdio.h>
#include <string.h>

#include "snowid.h"
#include "snowidd/config/live.h"
#include "snowidd/config/sources.h"
#include "snowidd/daemon.h"
#include "snowidd/net/listen.h"
#include "snowidd/service/service.h"

static int print_daemon_help(void)
{
	printf("Usage: snowidd [OPTION]...\n\nServes distributed unique IDs over HTTP and gRPC.\n\n"
	       "  --config FILE\n        read this file (default: " SETTINGS_FILE
	       ", if it exists)\n"
	       "  --check-config\n        check the configuration, and exit\n"
	       "  --help, --version\n\n");
	settings_print_help();
	printf("\nEach option is a key in the file (--limits-rate: rate under limits) and an "
	       "environment\n"
	       "variable (SNOWIDD_LIMITS_RATE). Options take precedence over variables, and these "
	       "over\n"
	       "the file. A span is a number with ns, us, ms, s, m or h. Manual: man "
	       "snowidd\n");
	return fflush(stdout) == 0 ? 0 : 1;
}

static int fail_usage(const char *text)
{
	fprintf(stderr, "snowidd: %s\n", text);
	return 2;
}

/* Where state and sockets go is looked at only on demand: at a start it may take some time until a
 * file system is mounted or the clock is set, and starting again is then the remedy. */
static bool check_config(const struct settings *settings, bool thorough,
			 struct settings_error *error)
{
	if (service_check(settings, thorough, error) && listen_check(settings, thorough, error))
		return true;
	settings_locate(settings, error);
	return false;
}

static int check_and_run(char **options, const char *file, bool check_only)
{
	struct settings_error error;
	int status = 0;

	struct settings *const settings = settings_load(options, file, &error);
	struct live *const live = settings ? live_new(settings, &error) : NULL;
	if (!live)
		return fail_usage(error.text);
	if (!check_config(settings, check_only, &error))
		status = fail_usage(error.text);
	else if (check_only)
		printf("the configuration is good\n");
	else
		status = daemon_run(live, options, file);
	live_unref(live);
	return status;
}

int main(int argc, char **argv)
{
	const char *file = NULL;
	bool check_only = false;
	int kept = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return print_daemon_help();
		if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0)
			return printf("snowidd %s\n", snowid_version()) > 0 ? 0 : 1;
		if (strcmp(argv[i], "--check-config") == 0)
			check_only = true;
		else if (strncmp(argv[i], "--config=", 9) == 0)
			file = argv[i] + 9;
		else if (strcmp(argv[i], "--config") == 0 && argv[i + 1])
			file = argv[++i];
		else
			argv[kept++] = argv[i];
	}
	argv[kept] = NULL;
	return check_and_run(argv, file, check_only);
}
