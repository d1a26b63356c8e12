#!/bin/bash
# Builds one of the clients in the current directory, and leaves a program `client` there:
#
#     tests/clients/build.sh NAME SNOWID.PROTO
#
# Whatever it needs, the package manager of its language fetches. What that caches stays where the
# package manager has it for everybody.
# SPDX-License-Identifier: MIT
set -eu
name=$1
proto=$2
directory=$(cd "$(dirname "$0")" && pwd)/$name
protos=$(dirname "$proto")
cp "$directory"/* .

# go.mod says which Go is needed. From 1.21 on, Go gets it as a module by itself; Debian 12 has
# 1.19, for which this does the same.
find_go() {
	local wanted toolchain
	go=go
	case $(go env GOVERSION) in
	go1.1[0-9]* | go1.20*) ;;
	*) return ;;
	esac
	wanted=$(sed -n 's/^go //p' go.mod)
	toolchain=golang.org/toolchain@v0.0.1-go$wanted.$(go env GOOS)-$(go env GOARCH)
	mkdir -p toolchain
	(cd toolchain && echo "module none" >go.mod && go mod download "$toolchain")
	go=$(go env GOMODCACHE)/$toolchain
	chmod +x "$go"/bin/* "$go"/pkg/tool/*/*
	go=$go/bin/go
}

# The tools of go.mod are in bin afterwards, too. -mod=mod: go.mod says exactly which versions, also
# of what these need, and Go's database of checksums which bytes, so that there is no go.sum.
build_grpc_go() {
	local option=module=clients,Msnowid.proto=clients/snowid
	find_go
	export GOFLAGS=-mod=mod GOBIN=$PWD/bin
	"$go" install tool
	PATH=$GOBIN:$PATH protoc -I "$protos" --go_out=. --go_opt="$option" \
		--go-grpc_out=. --go-grpc_opt="$option" snowid.proto
	[ -z "$(gofmt -l client.go)" ]
	"$go" vet client.go
	"$go" build -o client client.go
}

# Makes `client` a script with that command; $here is this directory.
write_client() { # write_client COMMAND
	printf '#!/bin/sh\nhere=$(cd "$(dirname "$0")" && pwd)\nexec %s "$@"\n' "$1" >client
	chmod +x client
}

build_grpc_java() {
	mkdir -p src/main/java src/main/proto
	mv Client.java src/main/java
	cp "$proto" src/main/proto
	mvn -B -q process-classes
	write_client 'java -cp "$here/target/classes:$here/target/dependency/*" Client'
}

build_tonic() {
	cp "$proto" .
	cargo build --quiet
	ln -sf target/debug/client client
}

build_grpc_js() {
	cp "$proto" .
	npm install --omit=dev --no-audit --no-fund
	write_client 'node "$here/client.js"'
}

build_grpcio() {
	/usr/bin/python3 -m venv venv
	venv/bin/pip install --quiet -r requirements.txt
	venv/bin/python -m grpc_tools.protoc -I "$protos" --python_out=. --grpc_python_out=. \
		snowid.proto
	write_client '"$here/venv/bin/python" "$here/client.py"'
}

"build_${name//-/_}"
