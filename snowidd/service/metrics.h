/* SPDX-License-Identifier: MIT
 *
 * All that is measured, as text for Prometheus.
 */
#ifndef SNOWIDD_METRICS_H
#define SNOWIDD_METRICS_H

#include "snowidd/base/buffer.h"
#include "snowidd/config/live.h"
#include "snowidd/service/service.h"

void metrics_write(struct buffer *to, struct service *service, const struct live *live);

#endif
