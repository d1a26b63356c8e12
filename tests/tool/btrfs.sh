#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A state file on a real btrfs that fills up, where root and the kernel allow one to be mounted:
# each process ends with IDs or with an error, and never by SIGBUS. Says which case ran, and skips
# the test otherwise.
set -u
export LC_ALL=C
unset SNOWID_STORE

# In a mount namespace of its own, nothing stays mounted, however this ends.
if [ -z "${BTRFS_TEST-}" ]; then
	skip()
	{
		echo "skipped: $1; check_state_file has the case with a fake btrfs"
		exit 77
	}
	[ "$(id -u)" = 0 ] || skip "only root can mount a btrfs"
	grep -qw btrfs /proc/filesystems || skip "the kernel has no btrfs"
	command -v mkfs.btrfs >/dev/null || skip "there is no mkfs.btrfs"
	unshare --mount true 2>/dev/null || skip "this container has no mount namespaces"
	BTRFS_TEST=1 exec unshare --mount --propagation private "$0" "$@"
fi

work=$(mktemp -d) || exit 1
trap 'umount "$work/mnt" 2>/dev/null; rm -rf "$work"' EXIT
tool=$(realpath "${top_builddir:-.}/snowid")
mkdir "$work/mnt" && truncate -s 120M "$work/image" || exit 1
mkfs.btrfs -q "$work/image" >/dev/null || exit 1
if ! mount -o loop "$work/image" "$work/mnt" 2>"$work/log"; then
	echo "skipped: cannot mount a btrfs: $(cat "$work/log")"
	exit 77
fi
echo "on a real btrfs"
failed=0

report() # STATUS NAME
{
	if [ "$1" = 0 ]; then
		echo "ok - $2"
	else
		failed=1
		echo "not ok - $2"
		cat "$work/log"
	fi
}

ids() # FILE COUNT
{
	"$tool" --field worker=1 --store "file:$work/mnt/$1" --set reserve=500ms -n "$2" \
		2>"$work/log"
}

ids state 1 >"$work/first"
report $? "a state file is made"
lsattr "$work/mnt/state" | grep -q '^[^ ]*C'
report $? "it has the attribute No_COW"

for size in 1M 4k; do
	dd if=/dev/zero of="$work/mnt/fill.$size" bs="$size" 2>/dev/null
	sync -f "$work/mnt"
done
: >"$work/log"
! dd if=/dev/zero of="$work/mnt/more" bs=64k count=1 conv=fsync 2>/dev/null
report $? "the disk is full"

made=$(ids state 5000000 | uniq | wc -l) # at most 4,096 in a millisecond: renews a few times
[ "$made" = 5000000 ]
report $? "a process that renews on the full disk makes its IDs ($made)"

ids another 1 >/dev/null
status=$?
[ "$status" -gt 0 ] && [ "$status" -lt 128 ] && grep -q 'No space left' "$work/log"
report $? "a new file on the full disk is an error"

cp "$work/mnt/state" "$work/copy" && rm "$work"/mnt/fill.* && cp "$work/copy" "$work/mnt/moved"
"$tool" store "file:$work/mnt/moved" --adopt --yes >"$work/log" 2>&1 &&
	lsattr "$work/mnt/moved" | grep -q '^[^ ]*C'
report $? "a copy that is adopted gets the attribute"
exit $failed
