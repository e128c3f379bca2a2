// SPDX-License-Identifier: Apache-2.0

package client

import "strings"

// joined is several errors in one line, for logs.
type joined []error

// Error returns the texts, with semicolons between them.
func (j joined) Error() string {
	texts := make([]string, len(j))
	for i, err := range j {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns the errors.
func (j joined) Unwrap() []error { return j }

// distinct joins errors, those with the same text once.
func distinct(errs []error) error {
	var kept joined
	seen := make(map[string]bool, len(errs))
	for _, err := range errs {
		if err != nil && !seen[err.Error()] {
			seen[err.Error()] = true
			kept = append(kept, err)
		}
	}
	return kept
}
