/* SPDX-License-Identifier: MIT
 *
 * The version of the library, from the macros of the header it was built with.
 */
#include "libsnowid/base/export.h"
#include "snowid.h"

#define STRING(x)       #x
#define DOTTED(a, b, c) STRING(a) "." STRING(b) "." STRING(c)

SNOWID_EXPORT const char *snowid_version(void)
{
	return DOTTED(SNOWID_VERSION_MAJOR, SNOWID_VERSION_MINOR, SNOWID_VERSION_PATCH);
}
