// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"fmt"
)

// FailMode says what happens when an attempt fails. An error that the service itself
// returned ends the call under every mode, as does the end of its context. Under
// every mode a call that did not reach a server, or that a server refused as
// Unavailable with the promise that it did not run, may go to another one. Whatever is
// sent again is paid from Option.RetryBudget.
type FailMode int

// The fail modes, with rpcx's names and numbers.
const (
	// Failover tries other servers, up to Option.Retries more times. A call whose
	// outcome is unknown is tried again as well, unless it is NonIdempotent.
	Failover FailMode = iota
	// Failfast never repeats a call that a server may have seen.
	Failfast
	// Failtry tries the same server again, up to Option.Retries more times. A call
	// whose outcome is unknown is tried again as well, unless it is NonIdempotent.
	Failtry
	// Failbackup sends the call to a second server when the first one has not answered
	// after Option.BackupLatency, or has failed before. The first success wins, and the
	// other server is told to stop. So both may execute it: a NonIdempotent call stays
	// with the first one.
	Failbackup
)

// String returns the name of the mode.
func (m FailMode) String() string {
	switch m {
	case Failover:
		return "Failover"
	case Failfast:
		return "Failfast"
	case Failtry:
		return "Failtry"
	case Failbackup:
		return "Failbackup"
	default:
		return fmt.Sprintf("FailMode(%d)", int(m))
	}
}

// failFunc makes the attempts of a call and returns how the call ended.
type failFunc func(ctx context.Context, a *attempts) error

// run returns the function that carries the mode out.
func (m FailMode) run() (failFunc, error) {
	switch m {
	case Failover:
		return failover, nil
	case Failfast:
		return failfast, nil
	case Failtry:
		return failtry, nil
	case Failbackup:
		return failbackup, nil
	default:
		return nil, fmt.Errorf("client: unknown fail mode %d", int(m))
	}
}
