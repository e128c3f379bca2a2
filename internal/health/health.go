// SPDX-License-Identifier: Apache-2.0

// Package health is what clients and servers say to each other about health: an ordinary
// service, which programs in any language can call. protocol/spec.md describes it.
package health

import "fmt"

// Service is the name of the service, and what follows those of its methods. Check
// answers at once. Watch answers when the status is another one than the caller has seen,
// or with the same one when it has waited for long enough.
const (
	Service = "rpcx.Health"
	Check   = "Check"
	Watch   = "Watch"
)

// Status says whether a service works.
type Status int

// The states.
const (
	Unknown    Status = iota // there is no such service
	Serving                  // it works
	NotServing               // it exists, and should not be called now
)

// String returns the status in words.
func (s Status) String() string {
	switch s {
	case Unknown:
		return "unknown"
	case Serving:
		return "serving"
	case NotServing:
		return "not serving"
	default:
		return fmt.Sprintf("status %d", int(s))
	}
}

// Request asks about a service, or with "" about the server as a whole.
type Request struct {
	Service string
	Seen    Status // for Watch: what the caller knows
}

// Reply is the answer.
type Reply struct {
	Status Status
}
