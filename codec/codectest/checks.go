// SPDX-License-Identifier: Apache-2.0

package codectest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/rpcx-go/rpcx/codec"
	"github.com/rpcx-go/rpcx/protocol"
)

// checks are the promises of a codec about one value. Each returns what is wrong.
func checks() map[string]func(codec.Codec, Case) error {
	return map[string]func(codec.Codec, Case) error{
		"round trip":      roundTrip,
		"appends":         appends,
		"failed append":   failedAppend,
		"owns its result": ownsResult,
		"bad targets":     badTargets,
		"truncated":       truncated,
		"damaged":         damaged,
		"garbage":         garbage,
		"concurrent":      concurrent,
	}
}

func identity(c codec.Codec) error {
	if c.ID() > protocol.MaxSerializeType {
		return fmt.Errorf("the ID is %d, the largest is %d", c.ID(), protocol.MaxSerializeType)
	}
	if c.Name() == "" || c.Name() != strings.ToLower(c.Name()) {
		return fmt.Errorf("the name is %q, want lower case", c.Name())
	}
	return nil
}

func roundTrip(c codec.Codec, cs Case) error {
	data, err := c.Append(nil, cs.Value)
	if err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	return decodes(c, cs, data)
}

func decodes(c codec.Codec, cs Case, data []byte) error {
	got := cs.New()
	if err := c.Unmarshal(data, got); err != nil {
		return fmt.Errorf("decoding %x: %w", data, err)
	}
	if !cs.equal(got) {
		return fmt.Errorf("decoding %x gave %+v, want %+v", data, target(got), target(cs.Value))
	}
	return nil
}

// appends covers the three cases that implementations treat differently: no
// buffer, one that is full, and one with room.
func appends(c codec.Codec, cs Case) error {
	const prefix = "prefix"
	for name, dst := range map[string][]byte{
		"nil":       nil,
		"full":      slices.Clip([]byte(prefix)),
		"with room": append(make([]byte, 0, 64<<10), prefix...),
	} {
		had := bytes.Clone(dst)
		out, err := c.Append(dst, cs.Value)
		if err != nil {
			return fmt.Errorf("appending to a %s buffer: %w", name, err)
		}
		if !bytes.HasPrefix(out, had) || !bytes.Equal(dst, had) {
			return fmt.Errorf("appending to a %s buffer changed what was in it", name)
		}
		if err := decodes(c, cs, out[len(had):]); err != nil {
			return fmt.Errorf("appended to a %s buffer: %w", name, err)
		}
	}
	return nil
}

// failedAppend uses a channel: there is no encoding for one.
func failedAppend(c codec.Codec, _ Case) error {
	dst := append(make([]byte, 0, 1024), "prefix"...)
	out, err := c.Append(dst, make(chan int))
	if err == nil {
		return errors.New("a channel was encoded")
	}
	if string(dst) != "prefix" {
		return errors.New("a failed Append changed what was in the buffer")
	}
	if out != nil && !bytes.HasPrefix(out, dst) {
		return errors.New("a failed Append returned another buffer")
	}
	return nil
}

func ownsResult(c codec.Codec, cs Case) error {
	data, err := c.Append(nil, cs.Value)
	if err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	had, got := bytes.Clone(data), cs.New()
	if err := c.Unmarshal(data, got); err != nil {
		return fmt.Errorf("decoding: %w", err)
	}
	if !bytes.Equal(data, had) {
		return errors.New("decoding changed the input")
	}
	for i := range data {
		data[i] = ^data[i]
	}
	if !cs.equal(got) {
		return errors.New("the decoded value shares memory with the input")
	}
	return nil
}

func badTargets(c codec.Codec, cs Case) error {
	data, err := c.Append(nil, cs.Value)
	if err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	for _, v := range []any{nil, 42, struct{}{}, reflect.Zero(reflect.TypeOf(cs.New())).Interface()} {
		panicked, err := try(func() error { return c.Unmarshal(data, v) })
		switch {
		case panicked != nil:
			return fmt.Errorf("decoding into %T %v panicked: %v", v, v, panicked)
		case err == nil:
			return fmt.Errorf("decoding into %T %v is no error", v, v)
		}
	}
	// A codec may know how to write nil, so either outcome is fine.
	panicked, _ := try(func() error { _, err := c.Append(nil, nil); return err })
	if panicked != nil {
		return fmt.Errorf("encoding nil panicked: %v", panicked)
	}
	return nil
}

func truncated(c codec.Codec, cs Case) error {
	data, err := c.Append(nil, cs.Value)
	if err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	for n := range data {
		// Clipped, so that reading on is caught as well.
		if err := survives(c, cs, slices.Clip(data[:n])); err != nil {
			return err
		}
	}
	return nil
}

func damaged(c codec.Codec, cs Case) error {
	data, err := c.Append(nil, cs.Value)
	if err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	for i, b := range data {
		for _, bad := range []byte{0, 0x7f, 0x80, 0xff, ^b, b + 1} {
			data[i] = bad
			if err := survives(c, cs, data); err != nil {
				return err
			}
		}
		data[i] = b
	}
	return nil
}

func garbage(c codec.Codec, cs Case) error {
	rnd := rand.New(rand.NewPCG(1, 2)) // always the same, so that failures repeat
	for range 500 {
		data := make([]byte, rnd.IntN(64))
		for i := range data {
			data[i] = byte(rnd.Uint32())
		}
		if err := survives(c, cs, data); err != nil {
			return err
		}
	}
	return nil
}

func concurrent(c codec.Codec, cs Case) error {
	const goroutines, rounds = 8, 50
	var (
		wg   sync.WaitGroup
		errs [goroutines]error
	)
	for i := range errs {
		wg.Go(func() {
			for range rounds {
				if errs[i] = roundTrip(c, cs); errs[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs[:]...)
}

// survives decodes what may be wrong. Any answer is fine but a panic.
func survives(c codec.Codec, cs Case, data []byte) error {
	panicked, _ := try(func() error { return c.Unmarshal(data, cs.New()) })
	if panicked != nil {
		return fmt.Errorf("decoding %x panicked: %v", data, panicked)
	}
	return nil
}

func try(f func() error) (panicked any, err error) {
	defer func() { panicked = recover() }()
	return nil, f()
}
