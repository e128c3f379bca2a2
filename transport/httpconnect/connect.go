// SPDX-License-Identifier: Apache-2.0

package httpconnect

import (
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/rpcx-go/rpcx/transport/internal/upgrade"
)

// connected is what a server says that takes the connection. rpcx compares it as a text.
const connected = "200 Connected to rpcx"

// connect asks for path. It waits for the answer: rpcx servers lose what is sent before.
func connect(conn net.Conn, path string) error {
	if _, err := io.WriteString(conn, "CONNECT "+path+" HTTP/1.0\n\n"); err != nil {
		return err
	}
	resp, err := upgrade.ReadResponse(conn, &http.Request{Method: http.MethodConnect})
	if err != nil {
		return err
	}
	_ = resp.Body.Close() // the answer to CONNECT has none
	if resp.Status != connected {
		return fmt.Errorf("the server answered %.100q to CONNECT %s, want %q", resp.Status, path, connected)
	}
	return nil
}
