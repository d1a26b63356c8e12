/* SPDX-License-Identifier: MIT
 *
 * File descriptors. The library has one only during a call, and keeps none but that of a directory
 * (host_directory.h): what it needs for longer it keeps open by a mapping, because a program may
 * close any descriptor (closefrom(3)), and then use its number for something else.
 *
 * None has a number below 3. In a program that was started without standard output, a file of the
 * library would otherwise be that output, for a thread that prints meanwhile.
 */
#ifndef SN_DESCRIPTOR_H
#define SN_DESCRIPTOR_H

/* As open(2), openat(2) and mkostemp(3), close-on-exec. Return a descriptor or -errno, without a
 * detail. */
int sn_descriptor_open(const char *path, int flags);
int sn_descriptor_open_in(int directory, const char *name, int flags, unsigned mode);
int sn_descriptor_make_temporary(char *template);

#endif
