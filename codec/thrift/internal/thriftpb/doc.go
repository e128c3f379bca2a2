// SPDX-License-Identifier: Apache-2.0

// Package thriftpb holds the structs that the thrift codec is tested with.
package thriftpb

//go:generate thrift -out .. --gen go thriftpb.thrift
//go:generate sed -i "1i // SPDX-License-Identifier: Apache-2.0\\n" thriftpb.go thriftpb-consts.go GoUnusedProtection__.go
//go:generate gofmt -w thriftpb.go thriftpb-consts.go GoUnusedProtection__.go
