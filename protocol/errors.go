// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"errors"
	"fmt"
)

// ErrMalformed is matched by every error about bytes that are not a frame. There
// is no resynchronisation: the connection that carried them must be closed.
var ErrMalformed = errors.New("malformed frame")

// ErrTooLarge is matched by every error about a frame, or a part of one, that is
// over the reader's limits. The connection must be closed, as for ErrMalformed,
// which such an error matches as well.
var ErrTooLarge = errors.New("frame over the limit")

// FrameError says what is wrong with a frame. It matches ErrMalformed, and
// ErrTooLarge when a limit was passed.
type FrameError struct {
	What  string // what was wrong, with the numbers
	large bool
}

// Error returns a text that names the fault.
func (e *FrameError) Error() string { return "protocol: malformed frame: " + e.What }

// Is reports whether target is ErrMalformed or, for a passed limit, ErrTooLarge.
func (e *FrameError) Is(target error) bool {
	return target == ErrMalformed || e.large && target == ErrTooLarge
}

func malformed(format string, args ...any) error {
	return &FrameError{What: fmt.Sprintf(format, args...)}
}

func tooLarge(what string, got, limit uint64) error {
	return &FrameError{What: fmt.Sprintf("%s of %d, the limit is %d", what, got, limit), large: true}
}
