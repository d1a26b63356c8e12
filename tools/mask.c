/* SPDX-License-Identifier: MIT
 *
 * The form masked: IDs under the key of --key-file.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snowid-tool.h"

#define KEY_FILE_SIZE 64 /* bytes that are read: more than a key and the end of its line */

/* There is one, because a command has one key and one kind. */
static struct snowid_mask *mask;

/* Whoever can read the key can unmask all IDs, and whoever can write it can learn the next ones.
 * Reading may be shared with the group of a service. Pipes and terminals have other permissions. */
static void check_key_permissions(int file, const char *path)
{
	struct stat info;

	if (fstat(file, &info) != 0)
		exit_failure("cannot read %s: %s", path, strerror(errno));
	if (S_ISREG(info.st_mode) && (info.st_mode & (S_IRWXO | S_IWGRP)))
		exit_failure("%s has mode %04o, so that others can read or change the key; use "
			     "chmod 600",
			     path, (unsigned)info.st_mode & 07777);
}

static void read_key_file(const char *path, uint8_t key[SNOWID_MASK_KEY])
{
	char text[KEY_FILE_SIZE];
	size_t length = 0;
	ssize_t got = 1;
	const int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (file < 0)
		exit_failure("cannot open %s: %s", path, strerror(errno));
	check_key_permissions(file, path);
	while (length < sizeof text && (got > 0 || (got < 0 && errno == EINTR))) {
		got = read(file, text + length, sizeof text - length);
		length += got > 0 ? (size_t)got : 0;
	}
	if (got < 0)
		exit_failure("cannot read %s: %s", path, strerror(errno));
	close(file);
	while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
		length--;
	if (snowid_mask_key_parse(text, length, key) != 0)
		exit_failure("%s: %s", path, error_detail());
	explicit_bzero(text, sizeof text);
}

static bool names_mask(const char *form)
{
	return form && strcmp(form, "masked") == 0;
}

void mask_open(const struct options *options, const struct kind *kind)
{
	uint8_t key[SNOWID_MASK_KEY];
	const bool used = names_mask(options->form) || names_mask(options->input);

	if (!used && options->key_file)
		exit_usage("--key-file is only for --form masked and --input masked");
	if (!used)
		return;
	if (!options->key_file)
		exit_usage("--key-file FILE is missing: 32 hexadecimal digits, as of 'openssl rand "
			   "-hex 16'");
	if (!kind)
		exit_usage(
			"--kind KIND is missing: what masked IDs mean depends on the bits of the "
			"kind");
	read_key_file(options->key_file, key);
	if (snowid_mask_new(key, kind->layout, &mask) != 0)
		exit_usage("--kind: %s", error_detail());
	explicit_bzero(key, sizeof key);
}

void mask_close(void)
{
	snowid_mask_free(mask);
	mask = NULL;
}

int mask_read(const char *text, size_t length, uint64_t *id)
{
	return snowid_mask_parse(mask, text, length, id);
}

bool mask_write(uint64_t id, char text[SNOWID_ID_TEXT])
{
	return snowid_mask_format(mask, id, text) == 0;
}
