// SPDX-License-Identifier: Apache-2.0

package msgpack

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/codec"
)

func TestScan(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("\x91", codec.MaxDepth-1)
	for name, tt := range map[string]struct {
		data   string
		end    int
		blocks []int
		err    error
	}{
		"nothing":                     {"", 0, nil, errCutOff},
		"fixint":                      {"\x7f", 1, nil, nil},
		"negative fixint":             {"\xe0", 1, nil, nil},
		"nil":                         {"\xc0", 1, nil, nil},
		"never used":                  {"\xc1", 1, nil, errCode},
		"bool":                        {"\xc3", 1, nil, nil},
		"float32":                     {"\xca1234", 5, nil, nil},
		"float64":                     {"\xcb12345678", 9, nil, nil},
		"float64 cut":                 {"\xcb1234567", 1, nil, errLength},
		"uint16":                      {"\xcd12", 3, nil, nil},
		"int64":                       {"\xd312345678", 9, nil, nil},
		"fixstr":                      {"\xa3abc", 4, nil, nil},
		"fixstr cut":                  {"\xa3ab", 1, nil, errLength},
		"str8":                        {"\xd9\x03abc", 5, nil, nil},
		"str16":                       {"\xda\x00\x03abc", 6, nil, nil},
		"str32":                       {"\xdb\x00\x00\x00\x03abc", 8, nil, nil},
		"str32 cut in its length":     {"\xdb\x00\x00\x00", 1, nil, errCutOff},
		"bin8":                        {"\xc4\x00", 2, nil, nil},
		"fixarray":                    {"\x92\x01\x02", 3, nil, nil},
		"fixarray cut":                {"\x92\x01", 1, nil, errLength},
		"array in array cut":          {"\x92\x91\x01", 3, nil, errCutOff},
		"array32":                     {"\xdd\x00\x00\x00\x02\x01\x02", 7, nil, nil},
		"map16":                       {"\xde\x00\x01\xa1k\x01", 6, nil, nil},
		"map with half a pair":        {"\x81\xa1k", 3, nil, errCutOff},
		"map32 of 2^31":               {"\xdf\x80\x00\x00\x00" + strings.Repeat("\x00", 64), 5, nil, errLength},
		"trailing bytes":              {"\x01\xc1\xc1", 1, nil, nil},
		"fixext":                      {"\xd6\xff1234", 6, nil, nil},
		"fixext cut":                  {"\xd6\xff123", 1, nil, errCutOff},
		"ext without room for a type": {"\xc7\x01x", 2, nil, errCutOff},
		"ext8":                        {"\xc7\x03\x05abc", 6, nil, nil},
		"ext without a body":          {"\xc7\x00\x05", 2, nil, errEmptyBody},
		"ext that is a map":           {"\xc7\x04\x05\x81\xa1k\x01", 7, nil, nil},
		"ext that is nil":             {"\xd4\x05\xc0", 3, nil, nil},
		"ext that is nil and more":    {"\xd5\x05\xc0\xc0", 4, []int{2}, nil},
		"ext that is more than a map": {"\xc7\x05\x05\x81\xa1k\x01\x01", 8, []int{3}, nil},
		"ext that is half a map":      {"\xc7\x03\x05\x81\xa1k", 6, []int{3}, nil},
		"exts in an ext that is none": {"\xc7\x09\x05\x82\xa1k\xd5\x05\xc0\xc0\xa1k", 12, []int{3}, nil},
		"exts in an ext that is one":  {"\xc7\x07\x05\x81\xa1k\xd5\x05\xc0\xc0", 10, []int{8}, nil},
		"exts side by side":           {"\x92\xd4\x05\x81\xd4\x05\x82", 7, []int{3, 6}, nil},
		"deepest":                     {deep + "\x90", codec.MaxDepth, nil, nil},
		"deepest map":                 {deep + "\x80", codec.MaxDepth, nil, nil},
		"too deep":                    {deep + "\x91\x90", codec.MaxDepth + 1, nil, errDepth},
		"too deep in an ext":          {deep + "\xd4\x05\x80", codec.MaxDepth + 2, []int{codec.MaxDepth + 1}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := scanner{data: []byte(tt.data)}
			end, err := s.value(0, len(tt.data), 0)
			if end != tt.end || !errors.Is(err, tt.err) || !slices.Equal(s.blocks, tt.blocks) {
				t.Errorf("value = %d, %v, blocks %v, want %d, %v, %v", end, err, s.blocks, tt.end, tt.err, tt.blocks)
			}
		})
	}
}

func TestScanNamesThePlace(t *testing.T) {
	t.Parallel()
	_, err := (&scanner{data: []byte("\x92\x01\xc1")}).first()
	if want := "msgpack: malformed payload at byte 3: unknown code"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
