/* SPDX-License-Identifier: MIT
 *
 * All that is measured, as text for Prometheus.
 */
#ifndef SNOWIDD_METRICS_H
#define SNOWIDD_METRICS_H

#include "snowidd/base/buffer.h"
#include "snowidd/config/live.h"
#include "snowidd/service/service.h"

/* endpoint_at() names the endpoints by their index in the counters; NULL past the last. */
void metrics_write(struct buffer *to, struct service *service, const struct live *live,
		   const char *(*endpoint_at)(size_t index));

#endif
