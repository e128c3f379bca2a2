// SPDX-License-Identifier: Apache-2.0

// Package ariththrift has the arguments and replies of Arith as Thrift structs.
package ariththrift

//go:generate thrift -out .. --gen go:package_prefix=github.com/rpcx-go/rpcx/examples/internal/,skip_remote arith.thrift
//go:generate gofmt -w arith.go arith-consts.go GoUnusedProtection__.go
