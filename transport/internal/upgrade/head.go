// SPDX-License-Identifier: Apache-2.0

package upgrade

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
)

// ReadResponse reads the head of the answer to req and not a byte beyond it: what
// follows belongs to whoever reads from r next. Lines may end in LF alone. It reads
// bytes one by one, which a greeting of some dozen can afford.
func ReadResponse(r io.Reader, req *http.Request) (*http.Response, error) {
	head := make([]byte, 0, 256)
	var b [1]byte
	for !complete(head) {
		if len(head) == MaxHeader {
			return nil, fmt.Errorf("the answer's head is longer than %d bytes", MaxHeader)
		}
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return nil, fmt.Errorf("the answer %.100q ends early: %w", head, err)
		}
		head = append(head, b[0])
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(head)), req)
	if err != nil {
		return nil, fmt.Errorf("the answer %.100q is not HTTP: %w", head, err)
	}
	return resp, nil
}

// complete reports whether head ends in an empty line.
func complete(head []byte) bool {
	return bytes.HasSuffix(head, []byte("\n\n")) || bytes.HasSuffix(head, []byte("\n\r\n"))
}
