// SPDX-License-Identifier: Apache-2.0

package rpcx

import "strconv"

// Code says what kind of error ended a call. Names and numbers are gRPC's. There
// is no code for success: success is a nil error. A Code is itself an error, so
// that errors.Is(err, rpcx.NotFound) works.
type Code uint32

// The codes.
const (
	Canceled           Code = 1  // the caller gave the call up
	Unknown            Code = 2  // an error that says nothing about its kind
	InvalidArgument    Code = 3  // the request is wrong whatever state the service is in
	DeadlineExceeded   Code = 4  // the deadline passed before the call ended
	NotFound           Code = 5  // what was asked for does not exist
	AlreadyExists      Code = 6  // what was to be made exists
	PermissionDenied   Code = 7  // the caller is known and may not do this
	ResourceExhausted  Code = 8  // a limit or quota was reached
	FailedPrecondition Code = 9  // the state of things forbids the call; do not retry unchanged
	Aborted            Code = 10 // a conflict, such as a lost race; retry at a higher level
	OutOfRange         Code = 11 // past the valid range
	Unimplemented      Code = 12 // no such service, method or encoding
	Internal           Code = 13 // something that must not happen did
	Unavailable        Code = 14 // the service cannot be reached now
	DataLoss           Code = 15 // data is lost or corrupt
	Unauthenticated    Code = 16 // the caller did not prove who it is
)

var codeNames = [...]string{ //nolint:gochecknoglobals // a table of constants
	Canceled: "canceled", Unknown: "unknown", InvalidArgument: "invalid argument",
	DeadlineExceeded: "deadline exceeded", NotFound: "not found", AlreadyExists: "already exists",
	PermissionDenied: "permission denied", ResourceExhausted: "resource exhausted",
	FailedPrecondition: "failed precondition", Aborted: "aborted", OutOfRange: "out of range",
	Unimplemented: "unimplemented", Internal: "internal", Unavailable: "unavailable",
	DataLoss: "data loss", Unauthenticated: "unauthenticated",
}

// String returns the code's name in lower case, "code N" for a number without one.
func (c Code) String() string {
	if c > 0 && c < Code(len(codeNames)) {
		return codeNames[c]
	}
	return "code " + strconv.FormatUint(uint64(c), 10)
}

// Error returns the code's name.
func (c Code) Error() string { return c.String() }

// orUnknown keeps 0, which stands for success elsewhere, from being an error's code.
func (c Code) orUnknown() Code {
	if c == 0 {
		return Unknown
	}
	return c
}
