#!/usr/bin/env bash
# Generates the Go code of benchmark.proto: pb with Google's runtime, pb/vt with
# vtprotobuf as a type of its own over the same struct, so that one message goes
# through either without a copy. It needs protoc on the PATH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
export GOBIN=$bin PATH=$bin:$PATH
go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
go install github.com/planetscale/vtprotobuf/cmd/protoc-gen-go-vtproto@v0.6.1-0.20250313105119-ba97887b0a25

module=github.com/rpcx-go/rpcx/benchmark/pb
protoc --go_out=. --go_opt=module=$module benchmark.proto
protoc --go-vtproto_out="$bin" \
	--go-vtproto_opt=module=$module,features=marshal+unmarshal+size,wrap=true benchmark.proto
mkdir -p vt
sed 's/^package pb$/package vt/' "$bin/benchmark_vtproto.pb.go" >vt/benchmark_vtproto.pb.go
