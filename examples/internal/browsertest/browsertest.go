// SPDX-License-Identifier: Apache-2.0

// Package browsertest opens pages in a real browser without a window, for the tests of
// examples.
package browsertest

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// Path returns the path of a Chromium or Chrome. Without one it skips the test.
func Path(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("there is no chromium, chromium-browser or google-chrome here")
	return ""
}

// Open opens a page in the browser at path and returns what arrives on reports, which the
// test's server sends to when the page says what it saw. The browser has ended by then. A
// page that reports nothing for a minute fails the test.
func Open(t *testing.T, path, url string, reports <-chan string) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	browser := exec.CommandContext(ctx, path, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--remote-debugging-port=0", "--user-data-dir="+profile(t), url)
	browser.Cancel = func() error { return browser.Process.Signal(syscall.SIGTERM) }
	browser.WaitDelay = 10 * time.Second
	if err := browser.Start(); err != nil {
		stop()
		t.Fatal(err)
	}
	defer func() {
		stop()
		_ = browser.Wait() // it was told to end
	}()
	select {
	case got := <-reports:
		return got
	case <-time.After(time.Minute):
		t.Errorf("the browser reports nothing from %s", url)
		return ""
	}
}

// profile returns a folder for the browser, which may still write to it when it has
// said that it ended.
func profile(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "browser")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
