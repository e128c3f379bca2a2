// SPDX-License-Identifier: Apache-2.0

package middleware

import (
	"bytes"
	"testing"

	"github.com/rpcx-go/rpcx"
)

// What a client's interceptor refuses was not sent; a handler that passes the error on
// must not promise its own caller that nothing ran.
func TestRefusalPromisesOnlyOnAServer(t *testing.T) {
	t.Parallel()
	for _, side := range []rpcx.Side{rpcx.ClientSide, rpcx.ServerSide} {
		err := refusal(&rpcx.Call{Side: side}, rpcx.Unavailable, "no")
		if !rpcx.SafeToRetry(err) {
			t.Errorf("%v: not safe to retry", side)
		}
		promised := bytes.Contains(rpcx.AppendWireError(nil, err), []byte("__rpcx_not_executed"))
		if want := side == rpcx.ServerSide; promised != want {
			t.Errorf("%v: promised to the caller: %v, want %v", side, promised, want)
		}
	}
}
