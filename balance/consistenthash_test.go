// SPDX-License-Identifier: Apache-2.0

package balance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/balance"
	"github.com/rpcx-go/rpcx/registry"
)

// golden is testdata/ring.json: what a program in another language, written after the
// description in docs/guide/load-balancing.md, chooses.
type golden struct {
	Rings []struct {
		Name    string
		Servers []struct {
			Key    string
			Weight int
		}
		Choices map[string]string // server, by key of the call
	}
}

func readGolden(t *testing.T) golden {
	t.Helper()
	text, err := os.ReadFile("testdata/ring.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// choices is what this process chooses for the rings of the golden file.
func (g golden) choices(t *testing.T, order func([]registry.Instance)) []map[string]string {
	t.Helper()
	var made []map[string]string
	for _, ring := range g.Rings {
		var set []registry.Instance
		for _, s := range ring.Servers {
			network, addr, err := registry.ParseKey(s.Key)
			if err != nil {
				t.Fatal(err)
			}
			set = append(set, registry.Instance{Network: network, Addr: addr, Meta: url.Values{"weight": {strconv.Itoa(s.Weight)}}})
		}
		order(set)
		p := balance.ConsistentHash{}.NewPicker(set, nil)
		choices := make(map[string]string)
		for key := range ring.Choices {
			choices[key] = set[pickKey(p, key, all)].Key()
		}
		made = append(made, choices)
	}
	return made
}

func pickKey(p balance.Picker, key string, usable func(int) bool) int {
	return p.Pick(balance.WithKey(context.Background(), key), &rpcx.Call{Service: "S", Method: "M"}, usable)
}

// The choice is that of the description, whatever the order of the servers.
func TestConsistentHashGolden(t *testing.T) {
	t.Parallel()
	g := readGolden(t)
	if len(g.Rings) < 5 {
		t.Fatalf("the golden file has %d rings", len(g.Rings))
	}
	for name, order := range map[string]func([]registry.Instance){
		"as listed": func([]registry.Instance) {},
		"reversed":  slices.Reverse[[]registry.Instance],
	} {
		for i, got := range g.choices(t, order) {
			for key, want := range g.Rings[i].Choices {
				if got[key] != want {
					t.Errorf("%s, %s: key %q goes to %s, want %s", g.Rings[i].Name, name, key, got[key], want)
				}
			}
		}
	}
}

// Another process, which is this test once more, chooses the same.
func TestConsistentHashAcrossProcesses(t *testing.T) {
	t.Parallel()
	g := readGolden(t)
	const marker = "BALANCE_TEST_PRINT_CHOICES"
	if os.Getenv(marker) != "" {
		if err := json.NewEncoder(os.Stdout).Encode(allChoices(t, g)); err != nil {
			t.Fatal(err)
		}
		return
	}
	want := allChoices(t, g)
	for range 2 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestConsistentHashAcrossProcesses$")
		cmd.Env = append(os.Environ(), marker+"=1")
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		line, _, _ := bytes.Cut(out, []byte("\n"))
		var got []map[string]string
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if !slices.EqualFunc(got, want, maps.Equal[map[string]string]) {
			t.Errorf("another process chooses %v\nthis one chooses %v", got, want)
		}
	}
}

// allChoices adds what arguments make of the key.
func allChoices(t *testing.T, g golden) []map[string]string {
	t.Helper()
	made := g.choices(t, func([]registry.Instance) {})
	type inner struct{ N int }
	type args struct {
		Name string
		Next *inner
		Tags map[string]*inner
	}
	set := servers(50)
	p := balance.ConsistentHash{}.NewPicker(set, nil)
	byArgs := make(map[string]string)
	for i, a := range []any{nil, "text", 42, []byte{1, 2}, args{"a", &inner{1}, nil}, &args{"b", nil, map[string]*inner{"x": {1}, "y": {2}}}} {
		for _, method := range []string{"Get", "Put"} {
			at := p.Pick(context.Background(), &rpcx.Call{Service: "Store", Method: method, Args: a}, all)
			byArgs[method+strconv.Itoa(i)] = set[at].Key()
		}
	}
	return append(made, byArgs)
}

// Service, method and arguments make the key; one that the caller chose replaces them.
func TestConsistentHashKey(t *testing.T) {
	t.Parallel()
	const n = 200
	p := balance.ConsistentHash{}.NewPicker(servers(n), nil)
	at := func(ctx context.Context, service, method string, args any) int {
		return p.Pick(ctx, &rpcx.Call{Service: service, Method: method, Args: args}, all)
	}
	ctx := context.Background()
	type point struct{ X, Y int }
	base := at(ctx, "Arith", "Mul", &point{1, 2})
	for range 5 {
		if got := at(ctx, "Arith", "Mul", &point{1, 2}); got != base {
			t.Fatalf("the same call goes to %d and %d", base, got)
		}
	}
	for name, other := range map[string]int{
		"service":   at(ctx, "Arithm", "Mul", &point{1, 2}),
		"method":    at(ctx, "Arith", "Add", &point{1, 2}),
		"arguments": at(ctx, "Arith", "Mul", &point{2, 1}),
	} {
		if other == base {
			t.Errorf("another %s goes to the same of %d servers", name, n)
		}
	}
	if text := pickKey(p, "/Arith/Mul/&{1 2}", all); text != base {
		t.Errorf("the text of the key goes to %d, the call to %d", text, base)
	}
	user := balance.WithKey(ctx, "user-1")
	if a, b := at(user, "Arith", "Mul", 1), at(user, "Store", "Put", 2); a != b {
		t.Errorf("calls with one key go to %d and %d", a, b)
	}
}

// Keys are spread by weight.
func TestConsistentHashShares(t *testing.T) {
	t.Parallel()
	const n = 50_000
	for _, weights := range [][]string{{"1", "1", "1", "1", "1"}, {"3", "1"}, {"10", "5", "5", "0"}, {"1000000", "500000"}} {
		p := balance.ConsistentHash{}.NewPicker(weighted(weights...), nil)
		counts := make([]int, len(weights))
		for k := range n {
			counts[pickKey(p, "key-"+strconv.Itoa(k), all)]++
		}
		sum := 0
		for _, in := range weighted(weights...) {
			sum += balance.Weight(in)
		}
		for i, in := range weighted(weights...) {
			// 128 points make shares that are true to a tenth: three standard deviations.
			want := float64(n) * float64(balance.Weight(in)) / float64(sum)
			if math.Abs(float64(counts[i])-want) > .3*want {
				t.Errorf("weights %v: %v keys, want %.0f for server %d", weights, counts, want, i)
			}
		}
	}
}

// When a server comes or goes only the keys move that it gets, or had.
func TestConsistentHashMovesLittle(t *testing.T) {
	t.Parallel()
	const size, n = 10, 10_000
	set := servers(size + 1)
	before := balance.ConsistentHash{}.NewPicker(set[:size], nil)
	after := balance.ConsistentHash{}.NewPicker(set, before)
	moved := 0
	for k := range n {
		key := "key-" + strconv.Itoa(k)
		from, to := pickKey(before, key, all), pickKey(after, key, all)
		if from == to {
			continue
		}
		if moved++; to != size {
			t.Fatalf("%s moved from %d to %d, and not to the new server", key, from, to)
		}
		if down := pickKey(after, key, func(i int) bool { return i != size }); down != from {
			t.Fatalf("%s goes to %d while the new server is down, it was on %d", key, down, from)
		}
	}
	if want := n / (size + 1); moved < want/2 || moved > want*2 {
		t.Errorf("%d of %d keys moved, want about %d", moved, n, want)
	}
}

// A popular key fills its server up to the bound, then the next one on the ring, and
// comes back when there is room.
func TestConsistentHashBound(t *testing.T) {
	t.Parallel()
	const size, calls = 10, 1000
	tests := []struct {
		name  string
		bound float64
		most  int
	}{
		{"default", 0, 125},
		{"twice", 2, 200},
		{"none", math.Inf(1), calls},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := balance.ConsistentHash{Bound: tt.bound}.NewPicker(servers(size), nil)
			home := pickKey(p, "popular", all)
			pending := make([]int, size)
			for range calls {
				i := pickKey(p, "popular", all)
				begin(p, i)
				pending[i]++
			}
			if got := slices.Max(pending); got > tt.most || got < tt.most*9/10 || pending[home] != got {
				t.Errorf("pending are %v, want at most %d, most of them at %d", pending, tt.most, home)
			}
			for i, n := range pending {
				for range n {
					end(p, i, balance.Outcome{})
				}
			}
			if got := pickKey(p, "popular", all); got != home {
				t.Errorf("goes to %d when all is quiet, want %d", got, home)
			}
		})
	}
}

// Few calls stay where they belong, and when all servers are full somebody is chosen.
func TestConsistentHashBoundAtTheEdges(t *testing.T) {
	t.Parallel()
	p := balance.ConsistentHash{Bound: 0.001}.NewPicker(servers(3), nil)
	home := pickKey(p, "k", all)
	for n := range 16 {
		if got := pickKey(p, "k", all); got != home {
			t.Fatalf("with %d pending goes to %d, want %d", n, got, home)
		}
		begin(p, home)
	}
	next := pickKey(p, "k", all)
	if next == home {
		t.Error("stays beyond the bound")
	}
	for i := range 3 {
		for range 16 {
			begin(p, i)
		}
	}
	if got := pickKey(p, "k", all); got != home {
		t.Errorf("goes to %d when all are full, want %d", got, home)
	}
	// What is pending is known to the picker of the next set.
	q := balance.ConsistentHash{Bound: 0.001}.NewPicker(servers(4), p)
	if pickKey(q, "k", all) == home {
		t.Error("a new set made the policy forget what is pending")
	}
	for range 32 {
		end(p, home, balance.Outcome{})
	}
	if got, want := pickKey(q, "k", all), pickKey(balance.ConsistentHash{}.NewPicker(servers(4), nil), "k", all); got != want {
		t.Errorf("goes to %d after calls of the set before have ended, want %d", got, want)
	}
}

// The next server for a key is another one for each of its keys: a server that goes
// down leaves its keys to all others.
func TestConsistentHashSpreadsWhatIsDown(t *testing.T) {
	t.Parallel()
	p := balance.ConsistentHash{}.NewPicker(servers(5), nil)
	heirs := make(map[int]int)
	for k := range 5000 {
		key := fmt.Sprint("key-", k)
		if pickKey(p, key, all) == 0 {
			heirs[pickKey(p, key, func(i int) bool { return i != 0 })]++
		}
	}
	if len(heirs) != 4 || slices.Max(slices.Collect(maps.Values(heirs))) > 700 {
		t.Errorf("keys of the server that is down go to %v", heirs)
	}
}

// Shares go by weight, those of the keys and those of the calls that may be pending.
func TestConsistentHashBoundByWeight(t *testing.T) {
	t.Parallel()
	const calls = 1000
	p := balance.ConsistentHash{}.NewPicker(weighted("8", "1", "1"), nil)
	key := ""
	for k := 0; key == ""; k++ {
		if s := strconv.Itoa(k); pickKey(p, s, all) == 1 {
			key = s
		}
	}
	pending := make([]int, 3)
	for range calls {
		i := pickKey(p, key, all)
		begin(p, i)
		pending[i]++
	}
	if got, most := pending[1], calls*125/1000; got > most || got < most*9/10 {
		t.Errorf("pending are %v, want at most %d at the second", pending, most)
	}
}

// A server of hardly any weight is on the ring all the same. A list of servers that are
// all down does not take a walk around the whole ring.
func TestConsistentHashAtTheEdges(t *testing.T) {
	t.Parallel()
	p := balance.ConsistentHash{}.NewPicker(weighted("2147483647", "1"), nil)
	if i := pickKey(p, "k", among(1)); i != 1 {
		t.Errorf("picked %d, want the only one that is up", i)
	}
	const size = 20
	asked := 0
	p = balance.ConsistentHash{}.NewPicker(servers(size), nil)
	if i := pickKey(p, "k", func(int) bool { asked++; return false }); i != -1 || asked > 3*size {
		t.Errorf("picked %d, and asked %d times about %d servers", i, asked, size)
	}
}
