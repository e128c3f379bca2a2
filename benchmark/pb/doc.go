// SPDX-License-Identifier: Apache-2.0

// Package pb is the message that the benchmark sends, as protoc-gen-go makes it.
// Package vt below it is the same struct with vtprotobuf's methods.
package pb

//go:generate ./generate.sh
