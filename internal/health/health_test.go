// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"encoding/json"
	"testing"

	"github.com/rpcx-go/rpcx/internal/health"
)

// What is on the wire must not change with the code: other programs rely on it.
func TestWire(t *testing.T) {
	t.Parallel()
	request, err := json.Marshal(health.Request{Service: "Arith", Seen: health.Serving})
	if err != nil || string(request) != `{"Service":"Arith","Seen":1}` {
		t.Errorf("a request is %s, %v", request, err)
	}
	reply, err := json.Marshal(health.Reply{Status: health.NotServing})
	if err != nil || string(reply) != `{"Status":2}` {
		t.Errorf("a reply is %s, %v", reply, err)
	}
	if name := health.Service + "." + health.Check + " " + health.Watch; name != "rpcx.Health.Check Watch" {
		t.Error(name)
	}
}

func TestStatusString(t *testing.T) {
	t.Parallel()
	for status, want := range map[health.Status]string{
		health.Unknown: "unknown", health.Serving: "serving", health.NotServing: "not serving", 7: "status 7",
	} {
		if got := status.String(); got != want {
			t.Errorf("%d is %q, want %q", int(status), got, want)
		}
	}
}
