#!/bin/sh
# Makes a user in etcd that may read and write under /id-generator, and nothing else. The arguments
# are for etcdctl: its endpoints and, if authentication is enabled, who you are. The password is
# read from standard input.
#
#     deploy/etcd/setup.sh --endpoints=etcd1:2379 --user=root:… <password
#
# Nothing is protected until authentication is enabled (etcdctl auth enable), which needs a user
# root first. With TLS, do not run etcd with client-cert-auth: its gateway, which snowid uses, takes
# no certificate for a user.
# SPDX-License-Identifier: MIT
set -eu
export ETCDCTL_API=3
etcdctl "$@" role add snowid
etcdctl "$@" role grant-permission --prefix=true snowid readwrite /id-generator/
etcdctl "$@" user add snowid --interactive=false
etcdctl "$@" user grant-role snowid snowid
