// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCross(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                             string
		callers, conns, delays, payloads string
		rate                             int
		want                             []string
	}{
		{"one", "500", "10", "0", "0", 0, []string{"500/10"}},
		{"callers first", "1,100", "1,10", "0", "0", 0, []string{"1/1", "100/1", "1/10", "100/10"}},
		{"one each", "1, 500", "each", "0", "0", 0, []string{"1/1", "500/500"}},
		{"delays", "5", "1", "0,10ms", "0", 0, []string{"5/1", "5/1 delay 10ms"}},
		{"payloads", "5", "1", "0", "16,64K,1M", 0, []string{"5/1 payload 16 B", "5/1 payload 64 KiB", "5/1 payload 1 MiB"}},
		{"rate", "5", "1", "1ms", "0", 900, []string{"5/1 delay 1ms rate 900/s"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := cross(tt.callers, tt.conns, tt.delays, tt.payloads, tt.rate)
			if err != nil {
				t.Fatal(err)
			}
			if names := names(everybody(got)); !slices.Equal(names, tt.want) {
				t.Errorf("got %q, want %q", names, tt.want)
			}
		})
	}
}

func TestCrossRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                             string
		callers, conns, delays, payloads string
		rate                             int
		want                             string
	}{
		{"no number", "many", "10", "0", "0", 0, "-callers many"},
		{"nothing", "", "10", "0", "0", 0, "-callers"},
		{"no caller", "0", "10", "0", "0", 0, "at least one caller"},
		{"no connection", "1", "0", "0", "0", 0, "-conns 0"},
		{"number as delay", "1", "1", "10", "0", 0, "-delay 10"},
		{"negative delay", "1", "1", "-1ms", "0", 0, "negative"},
		{"negative payload", "1", "1", "0", "-5", 0, "negative"},
		{"wrong unit", "1", "1", "0", "1G", 0, "-payload 1G"},
		{"too large", "1", "1", "0", "5M", 0, "3 MiB"},
		{"negative rate", "1", "1", "0", "0", -1, "negative"},
		{"several", "x", "y", "0", "0", 0, "-conns y"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := cross(tt.callers, tt.conns, tt.delays, tt.payloads, tt.rate)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	tests := map[string]scenario{
		"1 caller, 1 connection, 581-byte message":                                                  {Callers: 1, Conns: 1},
		"32 callers, 4 connections, 64 KiB payload":                                                 {Callers: 32, Conns: 4, Payload: 64 << 10},
		"5 callers, 2 connections, 581-byte message, handler takes 30ms":                            {Callers: 5, Conns: 2, Delay: 30 * time.Millisecond},
		"5 callers, 1 connection, 1500 B payload, 9 calls/s begun, latency from the intended start": {Callers: 5, Conns: 1, Payload: 1500, Rate: 9},
	}
	for want, s := range tests {
		if got := s.describe(); got != want {
			t.Errorf("%s: %q, want %q", s, got, want)
		}
	}
}
