// SPDX-License-Identifier: Apache-2.0

package balance_test

import (
	"math"
	"net/url"
	"strings"
	"testing"

	"github.com/rpcx-go/rpcx/balance"
	"github.com/rpcx-go/rpcx/registry"
)

// cities returns servers at these places, of the form latitude,longitude.
func cities(places ...string) []registry.Instance {
	set := servers(len(places))
	for i, p := range places {
		if latitude, longitude, ok := strings.Cut(p, ","); ok {
			set[i].Meta = url.Values{"latitude": {latitude}, "longitude": {longitude}}
		}
	}
	return set
}

func at(t *testing.T, latitude, longitude float64) *balance.Position {
	t.Helper()
	p := new(balance.Position)
	if err := p.Set(latitude, longitude); err != nil {
		t.Fatal(err)
	}
	return p
}

const (
	paris     = "48.8566,2.3522"
	frankfurt = "50.1109,8.6821"
	tokyo     = "35.6762,139.6503"
	sydney    = "-33.8688,151.2093"
)

// Nearest first; the next nearest when it is down; those without a place last.
func TestClosestInOrder(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                string
		latitude, longitude float64
		set                 []string
		order               []int
	}{
		{"from Paris", 48.8566, 2.3522, []string{tokyo, "", frankfurt, sydney, paris}, []int{4, 2, 0, 3, 1}},
		{"from Osaka", 34.6937, 135.5023, []string{paris, tokyo, sydney}, []int{1, 2, 0}},
		{"over the date line", 0, 179, []string{"0,170", "0,-179", "0,160"}, []int{1, 0, 2}},
		{"over the pole", 89, 0, []string{"0,0", "89,180", "80,0"}, []int{1, 2, 0}},
		{"opposite", 0, 0, []string{"0,180", "0,1"}, []int{1, 0}},
		{"the origin is a place", 0, 0, []string{"1,1", "0,0"}, []int{1, 0}},
		{"not a place", 0, 0, []string{"91,0", "x,0", "NaN,NaN", "80,80", "0,Inf"}, []int{3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := balance.Closest{From: at(t, tt.latitude, tt.longitude)}.NewPicker(cities(tt.set...), nil)
			down := make(map[int]bool)
			for _, want := range tt.order {
				for range 20 {
					if got := pick(p, func(i int) bool { return !down[i] }); got != want {
						t.Fatalf("with %v down picked %d, want %d", down, got, want)
					}
				}
				down[want] = true
			}
			rest := pick(p, func(i int) bool { return !down[i] })
			if (rest == -1) != (len(down) == len(tt.set)) {
				t.Errorf("of what is left picked %d", rest)
			}
		})
	}
}

func TestClosestSharesOnePlace(t *testing.T) {
	t.Parallel()
	p := balance.Closest{From: at(t, 48, 2)}.NewPicker(cities(frankfurt, paris, paris, tokyo, paris), nil)
	counts := draw(p, 5, 9000, all)
	if counts[0]+counts[3] != 0 {
		t.Errorf("picked %v, want the three in Paris", counts)
	}
	if x := chiSquare([]int{counts[1], counts[2], counts[4]}); x > critical[2] {
		t.Errorf("picked %v: chi-square is %.1f", counts, x)
	}
}

// A client that moves is heard at once.
func TestClosestMoves(t *testing.T) {
	t.Parallel()
	from := new(balance.Position)
	p := balance.Closest{From: from}.NewPicker(cities(paris, tokyo), nil)
	for range 3 {
		for want, place := range [][2]float64{{50, 8}, {34, 135}} {
			if err := from.Set(place[0], place[1]); err != nil {
				t.Fatal(err)
			}
			if got := pick(p, all); got != want {
				t.Errorf("at %v picked %d, want %d", place, got, want)
			}
		}
	}
}

func TestPositionRefusesWhatIsNoPlace(t *testing.T) {
	t.Parallel()
	p := at(t, 34, 135)
	for _, bad := range [][2]float64{{90.1, 0}, {-91, 0}, {0, 181}, {0, -180.5}, {math.NaN(), 0}, {0, math.NaN()}, {math.Inf(1), 0}} {
		if err := p.Set(bad[0], bad[1]); err == nil {
			t.Errorf("%v is a place", bad)
		}
	}
	if got := pick(balance.Closest{From: p}.NewPicker(cities(paris, tokyo), nil), all); got != 1 {
		t.Error("a position that was refused took effect")
	}
}
