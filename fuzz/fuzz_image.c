/* SPDX-License-Identifier: MIT
 *
 * State files. A valid one is changed at the places that the input names, and then shown as `snowid
 * store` shows it. The first byte says whether the header gets a valid checksum again: without one,
 * little of it is looked at. Then come an offset of two bytes, a length, and the bytes for it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "libsnowid/store/image.h"

static char directory[200], path[sizeof directory + 8], url[sizeof path + 8];
static struct sn_image valid, changed;

static void create_file(void)
{
	struct snowid_generator *generator;

	const char *const parent = getenv("TMPDIR");
	snprintf(directory, sizeof directory, "%s/snowid-fuzz-XXXXXX", parent ? parent : "/tmp");
	if (!mkdtemp(directory))
		abort();
	snprintf(path, sizeof path, "%s/state", directory);
	snprintf(url, sizeof url, "file:%s", path);
	char store[sizeof url + 8];
	snprintf(store, sizeof store, "store=%s", url);
	if (snowid_generator_open(&generator, "snowflake", "worker=5", store, "reserve=10ms",
				  (char *)NULL) != 0)
		abort();
	snowid_generator_free(generator);
	FILE *const file = fopen(path, "rb");
	if (!file || fread(&valid, sizeof valid, 1, file) != 1)
		abort();
	fclose(file);
}

static void change_image(const uint8_t *data, size_t size)
{
	uint8_t *const bytes = (uint8_t *)&changed;

	while (size > 3) {
		const size_t offset = (size_t)(data[0] << 8 | data[1]) % sizeof changed;
		const size_t left = sizeof changed - offset;
		size_t length = data[2] < size - 3 ? data[2] : size - 3;
		memcpy(bytes + offset, data + 3, length < left ? length : left);
		data += 3 + length;
		size -= 3 + length;
	}
}

/* Writes the first `size` bytes. */
static void write_file(size_t size)
{
	const int file = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (file < 0 || write(file, &changed, size) != (ssize_t)size)
		abort();
	close(file);
}

static void show_file(void)
{
	struct snowid_store_info *info;
	const char *key, *text;
	size_t records = 0;

	if (snowid_store_inspect(url, &info) != 0)
		return;
	if (snowid_store_info_count(info, &records) != 0)
		abort();
	for (size_t record = 0; record < records; record++)
		for (size_t i = 0; snowid_store_info_at(info, record, i, &key, &text, NULL) == 0;
		     i++)
			if (!*key || strlen(text) > 65536)
				abort();
	snowid_store_info_free(info);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!url[0])
		create_file();
	if (size == 0)
		return 0;
	memcpy(&changed, &valid, sizeof valid);
	change_image(data + 1, size - 1);
	if (data[0] & 1) {
		const struct sn_file_identity identity = changed.header.identity;
		sn_image_complete(&changed, &identity);
	}
	write_file(data[0] & 2 ? sizeof changed / 4 * (data[0] >> 6) : sizeof changed);
	show_file();
	return 0;
}

void fuzz_end(void)
{
	unlink(path);
	rmdir(directory);
}
