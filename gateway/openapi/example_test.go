// SPDX-License-Identifier: Apache-2.0

package openapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"

	"github.com/rpcx-go/rpcx/gateway/openapi"
	"github.com/rpcx-go/rpcx/reflection"
	"github.com/rpcx-go/rpcx/server"
)

func Example() {
	s := server.NewServer()
	defer s.Close()
	err := errors.Join(
		server.Handle(s, "Greeter", "Hello", func(_ context.Context, name, greeting *string) error {
			*greeting = "hello " + *name
			return nil
		}),
		reflection.Register(s),
		openapi.Mount(s, "/docs/", openapi.Config{Title: "Greetings"}),
	)
	if err != nil {
		fmt.Println(err)
	}
	// The server's TCP ports answer the same.
	w := httptest.NewRecorder()
	s.HTTPHandler().ServeHTTP(w, httptest.NewRequest("GET", "/docs/openapi.json", nil))

	var document struct {
		Info  struct{ Title string }
		Paths map[string]any
	}
	if err := json.Unmarshal(w.Body.Bytes(), &document); err != nil {
		fmt.Println(err)
	}
	for path := range document.Paths {
		fmt.Println(document.Info.Title, path)
	}
	// Output: Greetings /Greeter/Hello
}
