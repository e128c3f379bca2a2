// SPDX-License-Identifier: Apache-2.0

// Package archtest holds the rules of the house that a program can check, as
// tests over the source of the whole repository: which package may import which
// (layers_test.go), what core may depend on (deps_test.go), and what must not
// stand in a file (files_test.go). Each rule is a line of data with its reason;
// to change a rule, change its line and let the reason be reviewed.
package archtest
