/* SPDX-License-Identifier: MIT
 *
 * llhttp's parser, where it comes as source (Debian 12, package node-llhttp) and not as a library.
 */
#include <llhttp.c>
