// SPDX-License-Identifier: Apache-2.0

// The example decides which server a call goes to: in turn, by group, and by a policy
// of its own.
package main

import (
	"context"
	"fmt"
	"log"
	"slices"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/balance"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/registry"
	"github.com/rpcx-go/rpcx/server"
)

// Nearest is a policy that prefers the servers of a zone.
type Nearest struct{ zone string }

// NewPicker is called for each list of servers that discovery reports.
func (n Nearest) NewPicker(set []registry.Instance, _ balance.Picker) balance.Picker {
	order := make([]int, 0, len(set)) // of the indexes: near ones first
	for i, in := range set {
		if in.Meta.Get("zone") == n.zone {
			order = slices.Insert(order, 0, i)
		} else {
			order = append(order, i)
		}
	}
	return picker(order)
}

type picker []int

// Pick is called for each attempt; usable servers are those that may be tried.
func (p picker) Pick(_ context.Context, _ *rpcx.Call, usable func(i int) bool) int {
	for _, i := range p {
		if usable(i) {
			return i
		}
	}
	return -1
}

func main() {
	d := client.NewMultipleServersDiscovery([]*client.KVPair{
		{Key: "tcp@" + serve("rome-1"), Value: "zone=rome&group=old"},
		{Key: "tcp@" + serve("oslo-1"), Value: "zone=oslo&group=old"},
		{Key: "tcp@" + serve("oslo-2"), Value: "zone=oslo&group=new"},
	})
	ask := func(what string, sel client.SelectMode, opt client.Option) {
		x := client.NewXClient("Name", client.Failover, sel, d, opt)
		defer x.Close()
		var names []string
		for range 3 {
			name, err := client.Invoke[string](context.Background(), x, "Name", struct{}{})
			if err != nil {
				log.Fatal(err)
			}
			names = append(names, *name)
		}
		slices.Sort(names) // the turn begins anywhere
		fmt.Println(what, names)
	}
	ask("in turn:", client.RoundRobin, client.Option{})
	ask("a group:", client.RandomSelect, client.Option{Group: "new"})
	ask("nearest:", client.RandomSelect, client.Option{Balance: Nearest{zone: "rome"}})
}

// serve starts a server that tells its name.
func serve(name string) (addr string) {
	s := server.NewServer()
	err := server.Handle(s, "Name", "Name", func(_ context.Context, _ *struct{}, reply *string) error {
		*reply = name
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	return s.Address().String()
}
