// SPDX-License-Identifier: Apache-2.0

// The example spreads calls over servers by their weight, by where they are, by a key,
// and by how fast they answer.
package main

import (
	"context"
	"fmt"
	"log"
	"slices"
	"strconv"

	"github.com/rpcx-go/rpcx/balance"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/registry"
	"github.com/rpcx-go/rpcx/server"
)

func main() {
	d := client.NewMultipleServersDiscovery([]*client.KVPair{
		{Key: "tcp@" + serve("rome-1"), Value: "zone=rome&weight=3&latitude=41.9&longitude=12.5"},
		{Key: "tcp@" + serve("oslo-1"), Value: "zone=oslo&weight=1&latitude=59.9&longitude=10.8"},
		{Key: "tcp@" + serve("oslo-2"), Value: "zone=oslo&weight=0&latitude=59.9&longitude=10.8&version=beta"},
	})

	weighted := client.NewXClient("Name", client.Failover, client.WeightedRoundRobin, d, client.Option{})
	defer weighted.Close()
	fmt.Println("by weight: ", ask(weighted, 8))

	closest := client.NewXClient("Name", client.Failover, client.Closest, d, client.Option{})
	defer closest.Close()
	closest.ConfigGeoSelector(48.9, 2.4)
	fmt.Println("from Paris:", ask(closest, 4))

	hashed := client.NewXClient("Name", client.Failover, client.ConsistentHash, d, client.Option{})
	defer hashed.Close()
	fmt.Println("one user:  ", len(ask(hashed, 4, client.WithHashKey("user-1"))), "server")
	users := make(map[string]int)
	for i := range 100 {
		for name := range ask(hashed, 1, client.WithHashKey("user-"+strconv.Itoa(i))) {
			users[name]++
		}
	}
	fmt.Println("100 users: ", len(users), "servers")

	learning := client.NewXClient("Name", client.Failover, client.SelectByUser, d, client.Option{
		Balance: balance.ZoneAware{Zone: "oslo", Then: balance.SlowStart{Then: balance.P2C{}}},
	})
	defer learning.Close()
	fmt.Println("in Oslo:   ", names(ask(learning, 10)))

	stable := client.NewXClient("Name", client.Failover, client.RoundRobin, d, client.Option{
		Filter: func(in registry.Instance) bool { return in.Meta.Get("version") != "beta" },
	})
	defer stable.Close()
	fmt.Println("stable:    ", ask(stable, 4))
}

// ask makes n calls and counts who answered.
func ask(x *client.XClient, n int, opts ...client.CallOption) map[string]int {
	count := make(map[string]int)
	for range n {
		name, err := client.Invoke[string](context.Background(), x, "Name", struct{}{}, opts...)
		if err != nil {
			log.Fatal(err)
		}
		count[*name]++
	}
	return count
}

func names(count map[string]int) []string {
	var names []string
	for name := range count {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
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
