// SPDX-License-Identifier: Apache-2.0

package transport_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/rpcx-go/rpcx/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a transport with a name and networks and nothing to it.
type fake struct {
	name     string
	networks []string
}

func (f fake) Networks() []string { return f.networks }

func (fake) Dial(context.Context, string, string, transport.Settings) (net.Conn, error) {
	return nil, errors.ErrUnsupported
}

func (fake) Listen(context.Context, string, string, transport.Settings) (net.Listener, error) {
	return nil, errors.ErrUnsupported
}

func TestSet(t *testing.T) {
	t.Parallel()
	tcp := fake{"tcp", []string{"tcp", "tcp4"}}
	own := fake{"own", []string{"tcp4", "own"}}
	tests := []struct {
		name string
		give []transport.Transport
		want map[string]string // network: transport
	}{
		{"empty", nil, nil},
		{"one", []transport.Transport{tcp}, map[string]string{"tcp": "tcp", "tcp4": "tcp"}},
		{"the later one stays", []transport.Transport{tcp, own}, map[string]string{"tcp": "tcp", "tcp4": "own", "own": "own"}},
		{"in the other order", []transport.Transport{own, tcp}, map[string]string{"tcp": "tcp", "tcp4": "tcp", "own": "own"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			set := transport.NewSet(tt.give...)
			for _, network := range []string{"tcp", "tcp4", "own", "udp", "", "TCP"} {
				got, err := set.Lookup(network)
				want, ok := tt.want[network]
				if !ok {
					checkUnknown(t, network, got, err, tt.want)
					continue
				}
				if err != nil || got.(fake).name != want {
					t.Errorf("Lookup(%q) = %v, %v, want %q", network, got, err, want)
				}
			}
		})
	}
}

// checkUnknown wants an error that names the network and those there are.
func checkUnknown(t *testing.T, network string, got transport.Transport, err error, known map[string]string) {
	t.Helper()
	if got != nil || err == nil {
		t.Errorf("Lookup(%q) = %v, %v, want an error", network, got, err)
		return
	}
	if !strings.Contains(err.Error(), `"`+network+`"`) {
		t.Errorf("Lookup(%q): error %q does not name it", network, err)
	}
	for k := range known {
		if !strings.Contains(err.Error(), k) {
			t.Errorf("Lookup(%q): error %q does not list %q", network, err, k)
		}
	}
}

func TestSetZeroValue(t *testing.T) {
	t.Parallel()
	var set transport.Set
	if got, err := set.Lookup("tcp"); got != nil || err == nil {
		t.Errorf("Lookup = %v, %v, want an error", got, err)
	}
}
