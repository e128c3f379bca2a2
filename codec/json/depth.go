// SPDX-License-Identifier: Apache-2.0

package json

import (
	"bytes"
	"fmt"
)

// checkDepth returns an error if the first value of data nests arrays and objects
// deeper than limit. It looks at nothing else: whether data is JSON at all is for
// the decoder, which stops at the first byte that is not.
func checkDepth(data []byte, limit int) error {
	data = bytes.TrimLeft(data, " \t\r\n")
	if len(data) <= limit || data[0] != '[' && data[0] != '{' {
		return nil
	}
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i += stringEnd(data[i+1:])
		case '[', '{':
			if depth++; depth > limit {
				return fmt.Errorf("json: value nested deeper than %d", limit)
			}
		case ']', '}':
			if depth--; depth == 0 {
				return nil
			}
		}
	}
	return nil
}

// stringEnd returns the length of the string whose opening quote is just before s,
// its closing quote included.
func stringEnd(s []byte) int {
	n := 0
	for {
		quote := bytes.IndexByte(s[n:], '"')
		if quote < 0 {
			return len(s)
		}
		n += quote + 1
		if !escaped(s[:n-1]) {
			return n
		}
	}
}

// escaped reports whether the byte after s is: an odd number of backslashes is
// before it.
func escaped(s []byte) bool {
	n := len(s) - len(bytes.TrimRight(s, `\`))
	return n%2 == 1
}
