/* SPDX-License-Identifier: MIT
 *
 * A node that no other copy of the tool has, for a user who has not said which node this is.
 *
 * There is one file per user and layout. An exclusive lock on its byte i means that node i is in
 * use; the kernel gives it up with the process, however that ends. A generator issues strictly above
 * the tick it was made in, and the one before it on this node had not gone beyond that tick: they
 * share no ID. Only after a step of the clock is a generator ahead of it, and then the end of the
 * tool, and with it that of the lock, waits for the clock.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "snowid-tool.h"

#define NODES_MAX 4096
#define HINT      "give --field worker=N or the like, or set XDG_STATE_HOME to a directory of yours"

static struct {
	struct snowid_layout *layout;
	uint64_t tick; /* of the last ID */
} claimed;

static void directory_name(char path[PATH_MAX])
{
	/* What is not absolute does not count (XDG Base Directory Specification). */
	const char *const state = getenv("XDG_STATE_HOME"), *const home = getenv("HOME");
	int length = -1;

	if (state && state[0] == '/')
		length = snprintf(path, PATH_MAX, "%s/snowid", state);
	else if (home && home[0] == '/')
		length = snprintf(path, PATH_MAX, "%s/.local/state/snowid", home);
	if (length < 0 || length >= PATH_MAX)
		fail("HOME names no place for the lock of a node; " HINT);
}

/* Opens the directory of the locks; makes it where it is missing. */
static int open_directory(char path[PATH_MAX])
{
	struct stat info;
	int error = 0;

	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			error = errno;
		*slash = '/';
	}
	if (mkdir(path, 0700) != 0 && errno != EEXIST && !error)
		error = errno;
	const int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		fail("cannot make %s for the lock of a node: %s; " HINT, path,
		     strerror(error ? error : errno));
	if (fstat(directory, &info) != 0 || info.st_uid != geteuid() || (info.st_mode & 022))
		fail("%s is another user's, or others may write to it; " HINT, path);
	return directory;
}

static int open_lock(const struct snowid_layout *layout, char path[PATH_MAX])
{
	char name[sizeof "nodes-0123456789abcdef.lock"];
	uint64_t fingerprint = 0;
	struct stat info;

	directory_name(path);
	const int directory = open_directory(path);
	snowid_layout_info(layout, SNOWID_LAYOUT_FINGERPRINT, &fingerprint);
	snprintf(name, sizeof name, "nodes-%016" PRIx64 ".lock", fingerprint);
	const int file = openat(directory, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file < 0)
		fail("cannot open %s/%s for the lock of a node: %s; " HINT, path, name,
		     strerror(errno));
	if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != geteuid())
		fail("%s/%s is another user's, or no file; " HINT, path, name);
	close(directory);
	return file;
}

/* Locks the first free byte. */
static uint64_t take_node(const struct snowid_layout *layout)
{
	char path[PATH_MAX];
	const int file = open_lock(layout, path);
	uint64_t nodes = 0;

	snowid_layout_info(layout, SNOWID_LAYOUT_NODES, &nodes);
	if (nodes > NODES_MAX)
		nodes = NODES_MAX;
	for (uint64_t node = 0; node < nodes; node++) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
		lock.l_start = (off_t)node;
		if (fcntl(file, F_OFD_SETLK, &lock) == 0)
			return node;
		if (errno != EAGAIN && errno != EACCES)
			fail("cannot lock a node in %s: %s; " HINT, path, strerror(errno));
	}
	fail("all %" PRIu64 " nodes of this layout are in use by other copies of snowid", nodes);
}

/* The tick of now; the last there is where the clock stands outside the layout. */
static uint64_t tick_of_now(void)
{
	uint64_t id, tick = UINT64_MAX;
	int64_t sec;
	uint32_t nsec;

	if (snowid_clock_read(NULL, &sec, &nsec, NULL) == 0 &&
	    snowid_layout_first_at(claimed.layout, sec, nsec, &id) == 0)
		snowid_layout_field(claimed.layout, id, "time", &tick);
	return tick;
}

/* Holds on to the node until the clock has reached the last ID. */
static void settle(void)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	if (tick_of_now() < claimed.tick) {
		complain("the clock has stepped back: waiting until it comes to the last ID");
		while (tick_of_now() < claimed.tick)
			nanosleep(&pause, NULL);
	}
	snowid_layout_free(claimed.layout);
}

void node_claim(const struct kind *kind, struct snowid_config *config)
{
	char borrow[32] = "0";

	/* Killed before it could settle, the tool would leave IDs ahead of the clock. */
	snowid_config_get(config, "borrow", borrow, sizeof borrow, NULL);
	if (strcmp(borrow, "0") != 0)
		usage("--set borrow=%s: only for a node that you name: give --field worker=N",
		      borrow);
	if (snowid_layout_new(kind->name, &claimed.layout) != 0)
		fail("%s", detail());
	uint64_t node = take_node(claimed.layout);
	struct part parts[PARTS_MAX];
	for (size_t i = kind_parts(kind, parts); i-- > 1;) {
		if (strcmp(parts[i].name, "sequence") == 0)
			continue;
		const uint64_t mask = (UINT64_C(1) << parts[i].bits) - 1;
		if (snowid_config_set_field(config, parts[i].name, node & mask) != 0)
			fail("%s", detail());
		node >>= parts[i].bits;
	}
	atexit(settle);
}

void node_used(uint64_t id)
{
	if (claimed.layout)
		snowid_layout_field(claimed.layout, id, "time", &claimed.tick);
}
