// SPDX-License-Identifier: Apache-2.0

// Package th holds the Thrift structs that both frameworks exchange.
package th

//go:generate sh -c "mkdir -p gen && thrift -out gen --gen go th.thrift && gofmt gen/th/th.go > th.gen.go && rm -r gen"
