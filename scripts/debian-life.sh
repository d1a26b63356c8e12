# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: MIT
# Sourced by scripts/debian: the packages in $debs are installed, upgraded, removed and purged.

# The same packages as of a later version.
make_next() {
	local deb
	mkdir "$systems/next"
	for deb in "${debs[@]}"; do
		dpkg-deb --raw-extract "$deb" "$systems/raw"
		sed -i "/^Version:\|(= /s/$version-[0-9]*/&+next/" "$systems/raw/DEBIAN/control"
		dpkg-deb --build --root-owner-group -Znone "$systems/raw" "$systems/next" || return
		rm -rf "$systems/raw"
	done
}

settings=etc/snowid/snowidd.yaml

installs() {
	new_system life
	mkdir "$systems/life/debs" "$systems/life/next"
	cp "${debs[@]}" "$systems/life/debs"
	cp "$systems"/next/*.deb "$systems/life/next"
	local command
	command=$(as_readme_says "apt-get install \.\./") || return
	mkdir "$systems/life/debs/source"
	install life systemd &&
		inside life sh -c "cd /debs/source && $command --no-install-recommends" &&
		inside life systemd-analyze verify --man=no snowidd.service &&
		inside life snowidd --check-config &&
		inside life getent passwd snowid &&
		[ "$(inside life stat -c %U:%a /var/lib/snowid)" = snowid:700 ]
}

keeps_settings() {
	echo "worker_id: 9" >>"$systems/life/$settings"
	inside life sh -c 'dpkg -i /next/*.deb' || return
	[ "$(inside life dpkg-query -W -f '${Version}' snowidd)" = "$version-1+next" ] &&
		grep -qx "worker_id: 9" "$systems/life/$settings"
}

ours=$(sed -n 's/^Package: //p' debian/control)

is_removed() {
	# shellcheck disable=SC2086 # words are meant
	inside life apt-get -qq -y remove $ours &&
		grep -qx "worker_id: 9" "$systems/life/$settings" &&
		[ -d "$systems/life/var/lib/snowid" ] &&
		[ ! -e "$systems/life/usr/sbin/snowidd" ]
}

comes_back() {
	inside life sh -c 'dpkg -i /debs/*.deb' &&
		grep -qx "worker_id: 9" "$systems/life/$settings" &&
		inside life snowidd --check-config
}

is_new() {
	inside life sh -c 'dpkg -i /debs/*.deb' && inside life snowidd --check-config &&
		! grep -q "worker_id: 9" "$systems/life/$settings"
}

# But for the user, whose number might be given to another while files of his are somewhere.
is_purged() {
	# shellcheck disable=SC2086 # words are meant
	inside life apt-get -qq -y purge $ours || return
	local left
	left=$(inside life find / -xdev \( -path /proc -o -path /debs -o -path /next \) -prune \
		-o -name '*snowid*' -print)
	[ -z "$left" ] || { echo "left: $left"; return 1; }
}
