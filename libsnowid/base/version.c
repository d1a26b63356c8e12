/* SPDX-License-Identifier: MIT
 *
 * The version of the library, from the macros of the header it was built with.
 */
#include "snowid.h"
#include "libsnowid/base/export.h"

#define TEXT(x)         #x
#define DOTTED(a, b, c) TEXT(a) "." TEXT(b) "." TEXT(c)

SNOWID_EXPORT const char *snowid_version(void)
{
	return DOTTED(SNOWID_VERSION_MAJOR, SNOWID_VERSION_MINOR, SNOWID_VERSION_PATCH);
}
