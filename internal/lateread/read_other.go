// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package lateread

import "errors"

const supported = false

func read(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }

func again(error) bool { return false }
