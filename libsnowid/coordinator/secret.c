/* SPDX-License-Identifier: MIT */
#include "libsnowid/coordinator/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>

/* Returns the number of bytes; -1, with errno. */
static ssize_t secret_read_bytes(const char *file, char *text, size_t size)
{
	size_t length = 0;
	ssize_t got;

	const int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -1;
	do {
		got = read(fd, text + length, size - length);
		if (got > 0)
			length += (size_t)got;
	} while ((got > 0 && length < size) || (got < 0 && errno == EINTR));
	const int error = errno;
	close(fd);
	errno = error;
	return got < 0 ? -1 : (ssize_t)length;
}

/* What an editor or echo puts at the end of a line is no part of the secret. Any other control
 * character would end the header of a request, or begin another one. */
static const char *secret_check_line(char *secret)
{
	size_t length = strlen(secret);

	while (length > 0 && (secret[length - 1] == '\n' || secret[length - 1] == '\r'))
		secret[--length] = '\0';
	if (length == 0)
		return "is empty";
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)secret[i] < ' ' || secret[i] == 0x7f)
			return "has more than one line, or control characters";
	return NULL;
}

bool sn_secret_read(const char *file, const char *variable, char secret[SN_SECRET_SIZE], char *why,
		    size_t size)
{
	const char *wrong;

	secret[0] = '\0';
	if (file) {
		const ssize_t length = secret_read_bytes(file, secret, SN_SECRET_SIZE);
		secret[length < 0 || length == SN_SECRET_SIZE ? 0 : length] = '\0';
		wrong = length < 0                 ? strerror(errno)
			: length == SN_SECRET_SIZE ? "is too long"
						   : secret_check_line(secret);
	} else {
		const char *const value = secure_getenv(variable);
		const size_t length = value ? strlen(value) : 0;
		if (length == 0)
			return true;
		if (length < SN_SECRET_SIZE)
			memcpy(secret, value, length + 1);
		wrong = length < SN_SECRET_SIZE ? secret_check_line(secret) : "is too long";
	}
	if (wrong)
		snprintf(why, size, "the secret of %s%s cannot be used: %s",
			 file ? "" : "the variable ", file ? file : variable, wrong);
	return !wrong;
}
