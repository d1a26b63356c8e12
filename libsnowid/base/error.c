/* SPDX-License-Identifier: MIT
 *
 * The names of error codes, and the detail of the last error of each thread.
 */
#include "libsnowid/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libsnowid/base/export.h"
#include "libsnowid/base/printable.h"
#include "libsnowid/base/system.h"
#include "libsnowid/base/thread.h"

/* From SNOWID_E_INVALID down. */
static const char *const error_names[] = {
	[SNOWID_E_INVALID - SNOWID_E_INVALID] = "invalid argument",
	[SNOWID_E_INVALID - SNOWID_E_RANGE] = "value out of range",
	[SNOWID_E_INVALID - SNOWID_E_SYNTAX] = "malformed text",
	[SNOWID_E_INVALID - SNOWID_E_OVERFLOW] = "value too large for its type",
	[SNOWID_E_INVALID - SNOWID_E_UNKNOWN] = "unknown name",
	[SNOWID_E_INVALID - SNOWID_E_KIND] = "not applicable to this kind of ID",
	[SNOWID_E_INVALID - SNOWID_E_WORKER] = "worker not known",
	[SNOWID_E_INVALID - SNOWID_E_STORE] = "store not available",
	[SNOWID_E_INVALID - SNOWID_E_CLOCK] = "clock is wrong",
	[SNOWID_E_INVALID - SNOWID_E_EXHAUSTED] = "sequence exhausted",
	[SNOWID_E_INVALID - SNOWID_E_LIMIT] = "limit of the store reached",
	[SNOWID_E_INVALID - SNOWID_E_EPOCH] = "clock stands before the epoch",
	[SNOWID_E_INVALID - SNOWID_E_ENDED] = "layout has ended",
	[SNOWID_E_INVALID - SNOWID_E_CLOSED] = "generator is closed",
};
#define NO_MEMORY                                                                                  \
	"out of memory, or of mappings; free generators that are not used, or raise "              \
	"vm.max_map_count with sysctl"
#define LAST_ERROR (SNOWID_E_INVALID - (int)(sizeof error_names / sizeof *error_names) + 1)

SNOWID_EXPORT const char *snowid_strerror(int error)
{
	const char *name = NULL;
	if (error == 0)
		return "no error";
	if (error < 0 && error > SNOWID_E_INVALID)
		name = sn_system_strerror(-error);
	else if (error <= SNOWID_E_INVALID && error >= LAST_ERROR)
		name = error_names[SNOWID_E_INVALID - error];
	return name ? name : "unknown error";
}

const char *sn_error_remedy(int error)
{
	switch (-error) {
	case ENOMEM:
		return "; free memory, or raise vm.max_map_count with sysctl if the process has as "
		       "many mappings as it allows";
	case EMFILE:
		return "; close files, or raise the limit of open files (ulimit -n)";
	case ENFILE:
		return "; the host has as many open files as sysctl fs.file-max allows";
	case EAGAIN:
		return "; end threads, or raise the limit of processes (ulimit -u, pids.max)";
	case ENOSPC:
	case EDQUOT:
		return "; make room on the disk";
	default:
		return "";
	}
}

/* A thread that has no room for details (thread.h) keeps the code. */
SN_SYSTEM_TLS static _Thread_local int code_without_detail;

static const char *last_detail(void)
{
	const struct sn_thread *const thread = sn_thread_get();
	if (thread && thread->detail[0] != '\0')
		return thread->detail;
	if (code_without_detail == -ENOMEM)
		return NO_MEMORY;
	return code_without_detail ? snowid_strerror(code_without_detail) : "";
}

SNOWID_EXPORT size_t snowid_error_detail(char *text, size_t size)
{
	const char *const detail = last_detail();
	const size_t length = strlen(detail);
	if (text && size > 0) {
		const size_t copied = length < size ? length : size - 1;
		memcpy(text, detail, copied);
		text[copied] = '\0';
	}
	return length;
}

int sn_fail(int code, const char *format, ...)
{
	const int saved = errno;
	struct sn_thread *const thread = sn_thread_get();
	if (thread) {
		va_list args;
		va_start(args, format);
		vsnprintf(thread->detail, sizeof thread->detail, format, args);
		va_end(args);
		sn_make_printable(thread->detail);
	} else {
		code_without_detail = code;
	}
	errno = saved;
	return code;
}

int sn_fail_null(const char *argument)
{
	return sn_fail(SNOWID_E_INVALID, "%s is NULL", argument);
}

int sn_fail_nomem(void)
{
	return sn_fail(-ENOMEM, NO_MEMORY);
}
