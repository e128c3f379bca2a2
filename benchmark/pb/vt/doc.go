// SPDX-License-Identifier: Apache-2.0

// Package vt is the message of package pb with vtprotobuf's methods, which encode
// it without reflection. Pointers to one type convert to pointers to the other.
package vt
