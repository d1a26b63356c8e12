// SPDX-License-Identifier: MIT
module clients

go 1.26.0

require (
	github.com/bojand/ghz v0.121.0
	github.com/fullstorydev/grpcurl v1.9.4
	github.com/summerwind/h2spec v2.2.1+incompatible
	google.golang.org/grpc v1.85.0
	google.golang.org/grpc/cmd/protoc-gen-go-grpc v1.6.2
	google.golang.org/protobuf v1.36.12
)

// Of h2spec, which has no go.mod.
require (
	github.com/fatih/color v1.13.0
	github.com/spf13/cobra v1.4.0
	golang.org/x/net v0.60.0
)

tool (
	github.com/bojand/ghz/cmd/ghz
	github.com/fullstorydev/grpcurl/cmd/grpcurl
	github.com/summerwind/h2spec/cmd/h2spec
	google.golang.org/grpc/cmd/protoc-gen-go-grpc
	google.golang.org/protobuf/cmd/protoc-gen-go
)
