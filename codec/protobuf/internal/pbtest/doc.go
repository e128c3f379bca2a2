// SPDX-License-Identifier: Apache-2.0

// Package pbtest holds the messages that the protobuf codec is tested with.
package pbtest

//go:generate protoc --go_out=. --go_opt=paths=source_relative pbtest.proto
