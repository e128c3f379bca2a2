// SPDX-License-Identifier: Apache-2.0

// Package pb holds the Protocol Buffers messages that both frameworks exchange.
package pb

//go:generate protoc --go_out=. --go_opt=paths=source_relative pb.proto
