/* SPDX-License-Identifier: MIT
 *
 * The files that are built into the program: page.html and openapi.json. make writes assets.c from
 * them.
 */
#ifndef SNOWIDD_ASSETS_H
#define SNOWIDD_ASSETS_H

#include <stddef.h>

extern const unsigned char page_html[], openapi_json[];
extern const size_t page_html_size, openapi_json_size;

#endif
