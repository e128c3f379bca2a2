// SPDX-License-Identifier: Apache-2.0

package compress_test

import (
	"bytes"
	"compress/zlib"
	"fmt"

	"github.com/rpcx-go/rpcx/compress"
	"github.com/rpcx-go/rpcx/compress/gzip"
	"github.com/rpcx-go/rpcx/protocol"
)

// Zlib is a method of an application's own, under one of the free numbers.
type Zlib struct{}

func (Zlib) ID() protocol.CompressType { return 2 }

func (Zlib) Name() string { return "zlib" }

func (Zlib) Compress(dst, src []byte) ([]byte, error) {
	out := bytes.NewBuffer(dst)
	w := zlib.NewWriter(out)
	if _, err := w.Write(src); err != nil {
		return dst, err
	}
	if err := w.Close(); err != nil {
		return dst, err
	}
	return out.Bytes(), nil
}

func (Zlib) Decompress(dst, src []byte, limit int) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(src))
	if err != nil {
		return dst, err
	}
	return compress.AppendAll(dst, r, limit)
}

func Example() {
	set, err := compress.NewSet(gzip.New(), Zlib{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range set.All() {
		packed, err := c.Compress(nil, []byte("hello"))
		if err != nil {
			fmt.Println(err)
			return
		}
		data, err := c.Decompress(nil, packed, 100)
		fmt.Printf("%d %s: %s %v\n", c.ID(), c.Name(), data, err)
	}
	// Output:
	// 1 gzip: hello <nil>
	// 2 zlib: hello <nil>
}
