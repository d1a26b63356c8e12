/* SPDX-License-Identifier: MIT */
#include "libsnowid/base/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Holds the numbers below 3 that are free. It can be neither read nor written by what the program
 * believes to be closed. */
struct low_numbers {
	int held[3];
	int count;
};

static void hold_low_numbers(struct low_numbers *low)
{
	low->count = 0;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		const int held = open("/", O_PATH | O_CLOEXEC);
		if (held >= 0)
			low->held[low->count++] = held;
	}
}

/* Returns the descriptor, or -errno of the call that did not give one. */
static int release_low_numbers(const struct low_numbers *low, int fd)
{
	const int error = -errno;
	for (int i = 0; i < low->count; i++)
		close(low->held[i]);
	return fd < 0 ? error : fd;
}

int sn_descriptor_open(const char *path, int flags)
{
	struct low_numbers low;
	hold_low_numbers(&low);
	return release_low_numbers(&low, open(path, flags | O_CLOEXEC));
}

int sn_descriptor_open_in(int directory, const char *name, int flags, unsigned mode)
{
	struct low_numbers low;
	hold_low_numbers(&low);
	return release_low_numbers(&low, openat(directory, name, flags | O_CLOEXEC, (mode_t)mode));
}

int sn_descriptor_make_temporary(char *template)
{
	struct low_numbers low;
	hold_low_numbers(&low);
	return release_low_numbers(&low, mkostemp(template, O_CLOEXEC));
}
