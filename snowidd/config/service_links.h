/* SPDX-License-Identifier: MIT
 *
 * The environment variables that Kubernetes sets in each container for each Service.
 */
#ifndef SNOWIDD_SERVICE_LINKS_H
#define SNOWIDD_SERVICE_LINKS_H

#include <stdbool.h>

/* Whether a variable has the name and the value of one for a Service, of whichever name: those of a
 * Service that is called snowidd or snowidd-… begin as our own do. */
bool service_link_is(const char *name, const char *value);

#endif
