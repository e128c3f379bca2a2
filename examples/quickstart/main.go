// SPDX-License-Identifier: Apache-2.0

// The demo is a server and a client in one program, with a real TCP connection
// between them. The folders server and client hold them as two programs.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/client"
	"github.com/rpcx-go/rpcx/server"
)

func main() {
	arith := &Arith{stopped: make(chan time.Duration, 1)}
	s := server.NewServer()
	if err := s.RegisterName("Arith", arith, ""); err != nil {
		log.Fatal(err)
	}
	go s.Serve("tcp", "127.0.0.1:0")
	<-s.Started()
	addr := s.Address().String()
	say("server", "tcp@"+addr, "serves Arith")

	d := client.NewPeer2PeerDiscovery("tcp@"+addr, "")
	xclient := client.NewXClient("Arith", client.Failtry, client.RandomSelect, d, client.DefaultOption)
	defer xclient.Close()

	call(xclient, "Mul", 10, 20)
	call(xclient, "Div", 84, 2)
	call(xclient, "Div", 1, 0)
	giveUp(xclient, arith)
	burst(xclient)

	if err := s.Shutdown(context.Background()); err != nil {
		log.Fatal(err)
	}
	say("shutdown", "tcp@"+addr, "every call was answered")
}

// call makes a call and prints what came of it.
func call(x *client.XClient, method string, a, b int) {
	what := fmt.Sprintf("%s(%d, %d)", method, a, b)
	reply := new(Reply)
	err := x.Call(context.Background(), method, &Args{a, b}, reply, nil)
	if err != nil {
		say("error", what, fmt.Sprintf("%v: %v", rpcx.CodeOf(err), err))
		return
	}
	say("call", what, fmt.Sprint(reply.C))
}

// giveUp makes a call that takes longer than its caller waits, and shows that the
// handler ends as well.
func giveUp(x *client.XClient, arith *Arith) {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := x.Call(ctx, "Sleep", &Args{}, &Reply{})
	say("deadline", "Sleep()", fmt.Sprintf("%v after %v; the handler stopped after %v", rpcx.CodeOf(err),
		time.Since(began).Round(time.Millisecond), (<-arith.stopped).Round(time.Millisecond)))
}

func say(what, whom, result string) { fmt.Printf("%-10s%-24s%s\n", what, whom, result) }
