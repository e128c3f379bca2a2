// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"slices"
	"sync"
	"testing"
)

// The known bugs of this project that tests here show. A bug that is mended fails its
// test, which then becomes one that it stays so, and its line goes.
const (
	bugFailtry = "client: Failtry asks the server that has just said that it has no such service or method three times more"
	bugUnread  = "server: a connection with HandlersPerConn calls is not read, so heartbeats are not answered and cancellations not heeded"
	bugHello   = "client: a real server whose plugin wants a service in every request closes every connection at the hello"
)

// shownBugs are those that this run has shown, for TestMain to print.
var shownBugs struct {
	sync.Mutex
	list []string
}

// knownBug takes the outcome of what a bug makes fail.
func knownBug(t *testing.T, bug string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("mended, so take it off the list of bugs: %s", bug)
		return
	}
	t.Logf("known bug: %s: %v", bug, err)
	shownBugs.Lock()
	defer shownBugs.Unlock()
	if !slices.Contains(shownBugs.list, bug) {
		shownBugs.list = append(shownBugs.list, bug)
	}
}
