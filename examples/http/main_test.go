// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"net/http"
	"os/exec"
	"testing"
)

func Example() {
	main()
	// Output:
	// 200 {"C":7}
	// 400 {"type":"about:blank","title":"Bad Request","status":400,"detail":"division by zero","code":"invalid_argument","details":{"argument":"B"}}
}

// Programs in other languages get the same, in each form of call.
func TestOtherLanguages(t *testing.T) {
	t.Parallel()
	s := newServer()
	defer s.Close()
	base := "http://" + s.Address().String()
	for program, command := range map[string][]string{
		"curl":    {"sh", "call.sh", base},
		"python3": {"python3", "call.py", base},
		"node":    {"node", "call.mjs", base},
	} {
		t.Run(program, func(t *testing.T) {
			if _, err := exec.LookPath(program); err != nil {
				t.Skip("not installed: " + program)
			}
			got, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput()
			if want := "7\n7\n7\ndivision by zero\n"; err != nil || string(got) != want {
				t.Errorf("%v, it says\n%swant\n%s", err, got, want)
			}
		})
	}
}

func TestHandlerBeside(t *testing.T) {
	t.Parallel()
	s := newServer()
	defer s.Close()
	res, err := http.Get("http://" + s.Address().String() + "/hello")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); string(body) != "hello\n" {
		t.Errorf("%q, %v", body, err)
	}
}
