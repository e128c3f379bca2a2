// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
)

// resultFile takes what a run finds out, as lines of JSON: first the environment,
// then each measurement. The zero value drops it.
type resultFile struct{ file *os.File }

func createResults(name string) (resultFile, error) {
	f, err := os.Create(name)
	return resultFile{f}, err
}

// write writes a line at once, so that a run that is broken off leaves what it has
// measured.
func (r resultFile) write(v any) error {
	if r.file == nil {
		return nil
	}
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = r.file.Write(append(line, '\n'))
	return err
}

func (r resultFile) close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}
