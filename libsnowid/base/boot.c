/* SPDX-License-Identifier: MIT
 *
 * Which boot of the host this is: what the page cache holds is worth nothing after another.
 */
#include <fcntl.h>
#include <unistd.h>

#include "libsnowid/base/boot.h"
#include "libsnowid/base/error.h"

bool sn_boot_id(uint64_t id[2])
{
	struct snowid_id128 uuid;
	char text[SNOWID_UUID_TEXT - 1];
	const int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	const ssize_t got = read(fd, text, sizeof text);
	close(fd);
	if (got != (ssize_t)sizeof text || snowid_uuid_parse(text, sizeof text, &uuid) != 0)
		return false;
	id[0] = id[1] = 0;
	for (int i = 0; i < 8; i++) {
		id[0] = id[0] << 8 | uuid.bytes[i];
		id[1] = id[1] << 8 | uuid.bytes[8 + i];
	}
	return true;
}
