// SPDX-License-Identifier: Apache-2.0

// Package tools exists for its go.mod alone, which pins the programs that check
// this project. It is not in go.work: what they need is nobody's dependency.
package tools
