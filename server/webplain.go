// SPDX-License-Identifier: Apache-2.0

package server

import (
	"crypto/tls"
	"errors"
	"io"
	"time"

	"github.com/rpcx-go/rpcx/internal/sniff"
)

// wantsTLS is the answer to plain HTTP on a port with TLS. It is all that is said, so HTTP/1.0
// will do.
const wantsTLS = "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" +
	"this port speaks TLS: use https\n"

// hintAtTLS tells a client of HTTP why its handshake has failed: it has not begun one.
func (c *Conn) hintAtTLS(err error) {
	var header tls.RecordHeaderError
	if !errors.As(err, &header) || header.Conn == nil || !c.mayBeWeb() || sniff.First(header.RecordHeader[:]) != sniff.HTTP {
		return
	}
	_ = header.Conn.SetWriteDeadline(time.Now().Add(c.server.config.limits.WriteTimeout)) // of a connection that is given up
	_, _ = io.WriteString(header.Conn, wantsTLS)                                          // as above
}
