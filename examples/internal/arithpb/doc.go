// SPDX-License-Identifier: Apache-2.0

// Package arithpb has the arguments and replies of Arith as Protocol Buffers.
package arithpb

//go:generate protoc --go_out=. --go_opt=paths=source_relative arith.proto
